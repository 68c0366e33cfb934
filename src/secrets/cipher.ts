import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { hchacha } from '@noble/ciphers/chacha.js'

/** Decrypting with another key or another `context` returns undefined. */
export interface Cipher {
  encrypt(text: string, context: string): string
  decrypt(encrypted: string, context: string): string | undefined
  /** The first characters of texts that old keys encrypted. */
  oldPrefixes: readonly string[]
}

export interface CipherKey {
  id: Buffer
  secret: Buffer
}

const ID_LENGTH = 4
const NONCE_LENGTH = 24
const TAG_LENGTH = 16
const OVERHEAD = ID_LENGTH + NONCE_LENGTH + TAG_LENGTH

// "expand 32-byte k" as four little-endian words (RFC 8439, 2.3).
const SIGMA = new Uint32Array([0x61707865, 0x3320646e, 0x79622d32, 0x6b206574])

export function createCipher(keys: readonly CipherKey[]): Cipher {
  const [newest, ...old] = keys
  if (newest === undefined) throw new Error('createCipher needs at least one key.')
  return {
    encrypt: (text, context) => encrypt(newest, text, context),
    decrypt: (encrypted, context) => decrypt(keys, encrypted, context),
    oldPrefixes: old.map(({ id }) => prefixOf(id)),
  }
}

export function keyIdOf(encrypted: string): Buffer {
  return Buffer.from(encrypted.slice(0, Math.ceil((ID_LENGTH * 8) / 6)), 'base64url')
}

// The 6th character also holds bits of the nonce.
const PREFIX_LENGTH = 5

export function prefixOf(id: Buffer): string {
  return id.toString('base64url').slice(0, PREFIX_LENGTH)
}

const MAX_CACHED = 1_000

// For cookies, which come with each request.
export function caching(cipher: Cipher): Cipher {
  const cache = new Map<string, Cached>()
  return {
    ...cipher,
    decrypt(encrypted, context) {
      const known = cache.get(encrypted)
      if (known?.context === context) return known.text
      const text = cipher.decrypt(encrypted, context)
      if (text !== undefined) remember(cache, encrypted, { context, text })
      return text
    },
  }
}

interface Cached {
  context: string
  text: string
}

function remember(cache: Map<string, Cached>, encrypted: string, what: Cached): void {
  const [oldest] = cache.keys()
  if (cache.size >= MAX_CACHED && oldest !== undefined) cache.delete(oldest)
  cache.set(encrypted, what)
}

function encrypt(key: CipherKey, text: string, context: string): string {
  // Not pooled: clones of a running virtual machine would repeat nonces.
  const nonce = randomBytes(NONCE_LENGTH)
  const cipher = createCipheriv('chacha20-poly1305', subkey(key.secret, nonce), shortNonce(nonce), {
    authTagLength: TAG_LENGTH,
  })
  cipher.setAAD(Buffer.from(context), { plaintextLength: 0 })
  const encrypted = Buffer.concat([
    key.id,
    nonce,
    cipher.update(text, 'utf8'),
    cipher.final(),
    cipher.getAuthTag(),
  ])
  return encrypted.toString('base64url')
}

function decrypt(keys: readonly CipherKey[], encrypted: string, context: string): string | undefined {
  const bytes = Buffer.from(encrypted, 'base64url')
  // Base64url decoding is lenient, so the last character could be changed unnoticed.
  if (bytes.length < OVERHEAD || bytes.toString('base64url') !== encrypted) return undefined
  const key = keys.find(({ id }) => id.equals(bytes.subarray(0, ID_LENGTH)))
  if (key === undefined) return undefined
  const nonce = bytes.subarray(ID_LENGTH, ID_LENGTH + NONCE_LENGTH)
  const decipher = createDecipheriv('chacha20-poly1305', subkey(key.secret, nonce), shortNonce(nonce), {
    authTagLength: TAG_LENGTH,
  })
  decipher.setAAD(Buffer.from(context), { plaintextLength: 0 })
  decipher.setAuthTag(bytes.subarray(-TAG_LENGTH))
  const text = decipher.update(bytes.subarray(ID_LENGTH + NONCE_LENGTH, -TAG_LENGTH))
  try {
    return Buffer.concat([text, decipher.final()]).toString('utf8')
  } catch {
    return undefined
  }
}

// XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03, 2.3), because random nonces of 192 bits do not collide.
function subkey(secret: Buffer, nonce: Buffer): Buffer {
  const key = new Uint32Array(8)
  hchacha(SIGMA, words(secret, 8), words(nonce, 4), key)
  const bytes = Buffer.allocUnsafe(32)
  for (let at = 0; at < 8; at++) bytes.writeUInt32LE(key[at] ?? 0, at * 4)
  return bytes
}

function words(bytes: Buffer, count: number): Uint32Array {
  const read = new Uint32Array(count)
  for (let at = 0; at < count; at++) read[at] = bytes.readUInt32LE(at * 4)
  return read
}

function shortNonce(nonce: Buffer): Buffer {
  return Buffer.concat([Buffer.alloc(4), nonce.subarray(16)])
}
