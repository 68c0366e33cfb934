import { hkdfSync, randomBytes } from 'node:crypto'
import type { CipherKey } from './cipher.js'

export interface Keyring {
  ids: readonly string[]
  /** Texts of one `purpose` cannot be decrypted for another. */
  cipherKeys(purpose: string): CipherKey[]
  secrets(purpose: string): readonly Buffer[]
}

const KEY_LENGTH = 32
const ID_LENGTH = 4
const KEY = /^[A-Za-z0-9_-]{43}$/

/** Takes base64url keys of 32 bytes, newest first. Throws without repeating the key. */
export function createKeyring(keys: readonly string[]): Keyring {
  const decoded = keys.map(decodeKey)
  if (decoded.length === 0) throw new Error('No key was given.')
  return {
    ids: decoded.map((key) => derive(key, 'ring', ID_LENGTH).toString('hex')),
    secrets: (purpose) => decoded.map((key) => derive(key, purpose, KEY_LENGTH)),
    cipherKeys: (purpose) =>
      decoded.map((key) => ({
        id: derive(key, `${purpose} id`, ID_LENGTH),
        secret: derive(key, purpose, KEY_LENGTH),
      })),
  }
}

function decodeKey(key: string, index: number): Buffer {
  const bytes = Buffer.from(key, 'base64url')
  if (!KEY.test(key) || bytes.length !== KEY_LENGTH || bytes.toString('base64url') !== key) {
    throw new Error(`Key ${index + 1} must be 32 bytes in base64url (43 characters).`)
  }
  return bytes
}

function derive(key: Buffer, purpose: string, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', key, '', `gatehouse ${purpose}`, length))
}

export function newKey(): string {
  return randomBytes(KEY_LENGTH).toString('base64url')
}

export function splitKeys(list: string): string[] {
  return list
    .split(',')
    .map((key) => key.trim())
    .filter((key) => key !== '')
}
