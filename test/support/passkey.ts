import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import type { Page, Site, Visitor } from './helpers.js'

const UP = 0x01
const UV = 0x04
const BE = 0x08
const BS = 0x10
const AT = 0x40

export interface Ceremony {
  origin: string
  counter?: number
  isVerified?: boolean
  isSynced?: boolean
  clientData?: object
  userHandle?: string | undefined
}

const sha256 = (content: string | Buffer) => createHash('sha256').update(content).digest()
const text = (bytes: Buffer) => bytes.toString('base64url')

/** A device with one ES256 passkey, written from the specification alone (WebAuthn 6.1 and 6.5, RFC 9053 2.1). */
export class Device {
  readonly #keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  readonly #aaguid: Buffer
  readonly id = randomBytes(32)
  #userHandle: string | undefined

  constructor(aaguid = '00000000-0000-0000-0000-000000000000') {
    this.#aaguid = Buffer.from(aaguid.replaceAll('-', ''), 'hex')
  }

  /** Returns the response to a page that creates a passkey. */
  create(page: Pick<Page, '$'>, ceremony: Ceremony): string {
    const { create } = optionsOn(page)
    this.#userHandle = create.user.id
    const attested = Buffer.concat([this.#aaguid, number(this.id.length, 2), this.id, this.#publicKey()])
    const authData = Buffer.concat([signed(create.rp.id, ceremony, AT), attested])
    const attestationObject = Buffer.concat([
      Buffer.from('a363666d74646e6f6e656761747453746d74a0686175746844617461', 'hex'),
      Buffer.from([0x59]),
      number(authData.length, 2),
      authData,
    ])
    const clientDataJSON = text(clientDataOf('webauthn.create', create.challenge, ceremony))
    return this.#credential({
      clientDataJSON,
      attestationObject: text(attestationObject),
      transports: ['internal'],
    })
  }

  /** Returns the response to a page that logs in. */
  use(page: Pick<Page, '$'>, ceremony: Ceremony): string {
    const { get } = optionsOn(page)
    const clientData = clientDataOf('webauthn.get', get.challenge, ceremony)
    const authenticatorData = signed(get.rpId, ceremony, 0)
    const signature = sign(
      'sha256',
      Buffer.concat([authenticatorData, sha256(clientData)]),
      this.#keys.privateKey,
    )
    return this.#credential({
      clientDataJSON: text(clientData),
      authenticatorData: text(authenticatorData),
      signature: text(signature),
      userHandle: 'userHandle' in ceremony ? ceremony.userHandle : this.#userHandle,
    })
  }

  #credential(response: object): string {
    const id = text(this.id)
    return JSON.stringify({ id, rawId: id, type: 'public-key', clientExtensionResults: {}, response })
  }

  #publicKey(): Buffer {
    const { x = '', y = '' } = this.#keys.publicKey.export({ format: 'jwk' })
    return Buffer.concat([
      Buffer.from('a5010203262001215820', 'hex'),
      Buffer.from(x, 'base64url'),
      Buffer.from('225820', 'hex'),
      Buffer.from(y, 'base64url'),
    ])
  }
}

interface Options {
  create: { challenge: string; rp: { id: string }; user: { id: string } }
  get: {
    challenge: string
    rpId: string
    userVerification: string
    allowCredentials?: readonly { id: string }[]
  }
}

export function optionsOn(page: Pick<Page, '$'>): Options {
  return JSON.parse(page.$('[data-passkey]').attr('data-passkey') ?? '{}')
}

function signed(
  rpId: string,
  { counter = 0, isVerified = true, isSynced = false }: Ceremony,
  more: number,
): Buffer {
  const flags = UP | (isVerified ? UV : 0) | (isSynced ? BE | BS : 0) | more
  return Buffer.concat([sha256(rpId), Buffer.from([flags]), number(counter, 4)])
}

function clientDataOf(type: string, challenge: string, { origin, clientData = {} }: Ceremony): Buffer {
  return Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false, ...clientData }))
}

function number(value: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  bytes.writeUIntBE(value, 0, length)
  return bytes
}

const ADD = '/account/passkeys/verify/'

/** Presses the button that creates a passkey on this device. */
export async function addPasskey(
  site: Pick<Site, 'address'>,
  visitor: Visitor,
  device: Device,
  ceremony: Partial<Ceremony> = {},
): Promise<Page> {
  const page = await visitor.open('/account/passkeys/')
  return visitor.send(page, { credential: device.create(page, { origin: site.address, ...ceremony }) }, ADD)
}

/** Presses the login's button for passkeys. */
export async function useToLogIn(
  site: Pick<Site, 'address'>,
  visitor: Visitor,
  device: Device,
  ceremony: Partial<Ceremony> & Record<string, unknown> = {},
  typed: Record<string, string> = {},
): Promise<Page> {
  const page = await visitor.open('/login/')
  return present(visitor, page, device.use(page, { origin: site.address, ...ceremony }), typed)
}

/** Sends the login's form by its button for passkeys. */
export function present(
  visitor: Visitor,
  page: Page,
  credential: string,
  typed: Record<string, string> = {},
): Promise<Page> {
  const fields = new URLSearchParams(page.$('#login').serialize())
  for (const [name, value] of Object.entries({ ...typed, credential })) fields.set(name, value)
  return visitor.post('/login/passkey/', fields.toString())
}

/** Presses the sign-up's button for passkeys. */
export async function typeToSignUp(visitor: Visitor, typed: Record<string, string>): Promise<Page> {
  const page = await visitor.open('/signup/')
  const fields = new URLSearchParams(page.$('#signup').serialize())
  for (const [name, value] of Object.entries(typed)) fields.set(name, value)
  return visitor.post('/signup/passkey/', fields.toString())
}

/** Presses the button that creates the account's first passkey on this device. */
export function createToSignUp(
  site: Pick<Site, 'address'>,
  visitor: Visitor,
  page: Page,
  device: Device,
  ceremony: Partial<Ceremony> = {},
): Promise<Page> {
  const credential = device.create(page, { origin: site.address, ...ceremony })
  return visitor.send(page, { credential }, '/signup/passkey/verify/')
}
