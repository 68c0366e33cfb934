import { type ForeignHash, foreignHash, type Step } from './foreign-hash.js'

type Parsed = ForeignHash | undefined

/** Column `auth_user.password`: `<algorithm>$…`, or 32 hexadecimal digits. */
export function djangoHash(text: string): Parsed {
  const [algorithm = '', ...parts] = text.split('$')
  const rest = text.slice(algorithm.length + 1)
  if (algorithm === 'bcrypt_sha256') return bcryptHash(rest, [{ do: 'sha256-hex' }])
  if (algorithm === 'bcrypt') return bcryptHash(rest)
  if (algorithm === 'argon2') return argon2Hash(`$${rest}`)
  if (algorithm === 'pbkdf2_sha256' || algorithm === 'pbkdf2_sha1') return djangoPbkdf2(algorithm, parts)
  if (algorithm === 'scrypt') return djangoScrypt(parts)
  const [salt = '', hex = ''] = parts
  if (algorithm === 'md5' || algorithm === 'sha1') return plainDigest(algorithm, salt, hex)
  return plainDigest('md5', '', text)
}

function djangoPbkdf2(algorithm: string, [iterations, salt = '', digest = '']: string[]): Parsed {
  const hash = algorithm.slice('pbkdf2_'.length)
  return pbkdf2({ hash, iterations: Number(iterations), salt: base64Of(salt), digest })
}

function pbkdf2({
  digest,
  ...known
}: {
  hash: unknown
  iterations: unknown
  salt: string
  digest: string
}): Parsed {
  return foreignHash({ scheme: 'pbkdf2', ...known, digest, length: sizeOf(digest) })
}

function djangoScrypt([n, salt = '', r, p, digest = '']: string[]): Parsed {
  return scrypt({ n: Number(n), r: Number(r), p: Number(p), salt: base64Of(salt), digest })
}

function scrypt({
  digest,
  ...known
}: {
  n: number
  r: number
  p: number
  salt: string
  digest: string
}): Parsed {
  return foreignHash({ scheme: 'scrypt', ...known, digest, length: sizeOf(digest) })
}

function plainDigest(hash: 'md5' | 'sha1', salt: string, hex: string): Parsed {
  if (!/^(?:[\da-f]{32}|[\da-f]{40})$/i.test(hex)) return undefined
  const digest = Buffer.from(hex, 'hex')
  if (digest.length !== (hash === 'md5' ? 16 : 20)) return undefined
  return foreignHash({ scheme: 'digest', hash, salt: base64Of(salt), digest: digest.toString('base64') })
}

/** `$2a$`, `$2b$` and `$2y$`: Devise, Laravel, Phoenix, Supabase, Auth0. */
export function bcryptHash(text: string, before: readonly Step[] = []): Parsed {
  const [, cost, salt = '', digest = ''] = /^\$2[aby]\$(\d\d)\$([./\w]{22})([./\w]{31})$/.exec(text) ?? []
  return foreignHash({
    ...stepsOf(before),
    scheme: 'bcrypt',
    cost: Number(cost),
    salt: fromBcrypt(salt),
    digest: base64Of(digest),
  })
}

function stepsOf(before: readonly Step[]): { before?: readonly Step[] } {
  return before.length === 0 ? {} : { before }
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const BCRYPT_ALPHABET = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

function fromBcrypt(text: string): string {
  const base64 = [...text].map((character) => BASE64[BCRYPT_ALPHABET.indexOf(character)]).join('')
  return Buffer.from(base64, 'base64').toString('base64')
}

export function bcryptText(cost: number, salt: string, digest: string): string {
  const characters = [...salt.replaceAll('=', '')].map((one) => BCRYPT_ALPHABET[BASE64.indexOf(one)])
  return `$2b$${String(cost).padStart(2, '0')}$${characters.join('')}${Buffer.from(digest, 'base64')}`
}

const PHC = /^\$argon2(d|id?)(?:\$v=(\d+))?\$m=(\d+),t=(\d+),p=(\d+)\$([\w+/]+)\$([\w+/]+)$/

export function argon2Hash(text: string, before: readonly Step[] = []): Parsed {
  const [, type, version = '16', memory, passes, lanes, salt = '', digest = ''] = PHC.exec(text) ?? []
  return foreignHash({
    ...stepsOf(before),
    ...{ scheme: 'argon2', type, version },
    ...{ memory: Number(memory), passes: Number(passes), lanes: Number(lanes) },
    ...{ salt, digest, length: sizeOf(digest) },
  })
}

/** Column `user_pass`: phpass, bcrypt since 6.8, MD5 before 2.5. */
export function wordpressHash(text: string): Parsed {
  if (text.startsWith('$wp$')) {
    return bcryptHash(text.slice('$wp'.length), [
      { do: 'trim' },
      { do: 'hmac', hash: 'sha384', key: 'wp-sha384' },
    ])
  }
  if (/^\$[PH]\$/.test(text)) return phpassHash(text)
  const hash = text.startsWith('$2') ? bcryptHash(text) : plainDigest('md5', '', text)
  return hash && foreignHash({ ...hash, before: [{ do: 'trim' }] })
}

const ITOA64 = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

function phpassHash(text: string): Parsed {
  const [, rounds = '', salt = '', digest = ''] = /^\$[PH]\$(.)(.{8})([./\w]{22})$/.exec(text) ?? []
  return foreignHash({
    scheme: 'phpass',
    before: [{ do: 'trim' }],
    rounds: ITOA64.indexOf(rounds),
    salt: base64Of(salt),
    digest: littleEndian(digest),
  })
}

// 3 bytes are 4 characters, lowest 6 bits first.
function littleEndian(text: string): string {
  const bytes: number[] = []
  for (let at = 0; at < text.length; at += 4) {
    const group = [...text.slice(at, at + 4)].reduce(
      (sum, character, index) => sum + ITOA64.indexOf(character) * 64 ** index,
      0,
    )
    bytes.push(group % 256, (group >> 8) % 256, (group >> 16) % 256)
  }
  return Buffer.from(bytes.slice(0, 16)).toString('base64')
}

/** Column `account.password`: `<salt>:<key>`. The hexadecimal text itself is the salt. */
export function betterAuthHash(text: string): Parsed {
  const [, salt = '', hex = ''] = /^([\da-f]{32}):([\da-f]{128})$/.exec(text) ?? []
  const digest = Buffer.from(hex, 'hex').toString('base64')
  return scrypt({ n: 16_384, r: 16, p: 1, salt: base64Of(salt), digest })
}

export interface FirebaseParameters {
  signerKey: string
  separator: string
  rounds: number
  memory: number
}

export function firebaseHash(digest: string, salt: string, parameters: FirebaseParameters): Parsed {
  const [plainDigest = '', plainSalt = ''] = [digest, salt].map(fromUrl)
  return foreignHash({ scheme: 'firebase', ...parameters, salt: plainSalt, digest: plainDigest })
}

function fromUrl(text: string): string {
  return text.replaceAll('-', '+').replaceAll('_', '/')
}

export interface KeycloakCredential {
  algorithm: string
  iterations: number
  salt: string
  value: string
  parameters: Readonly<Record<string, string | undefined>>
}

export function keycloakHash({ algorithm, iterations, salt, value, parameters }: KeycloakCredential): Parsed {
  if (algorithm === 'argon2') {
    const { type, version, memory, parallelism } = parameters
    return foreignHash({
      ...{ scheme: 'argon2', type, version: version === '1.0' ? '16' : '19' },
      ...{ memory: Number(memory), passes: iterations, lanes: Number(parallelism) },
      ...{ salt, digest: value, length: sizeOf(value) },
    })
  }
  const hash = algorithm === 'pbkdf2' ? 'sha1' : algorithm.replace(/^pbkdf2-/, '')
  return pbkdf2({ hash, iterations, salt, digest: value })
}

/** Bcrypt or Argon2 of an HMAC keyed with `SECURITY_PASSWORD_SALT`. */
export function flaskHash(text: string, key: string): Parsed {
  const before: Step[] = [{ do: 'hmac', hash: 'sha512', key }]
  return text.startsWith('$2') ? bcryptHash(text, before) : argon2Hash(text, before)
}

function sizeOf(base64: string): number {
  return Buffer.from(base64, 'base64').length
}

function base64Of(text: string): string {
  return Buffer.from(text).toString('base64')
}
