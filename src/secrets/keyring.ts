import { hkdfSync, randomBytes } from 'node:crypto'
import type { SealKey } from './seal.js'

/** The site's secret keys, newest first; each purpose gets keys of its own, derived from them. */
export interface Keyring {
  /** A name for each key of the ring, from which nothing of it can be learned. */
  ids: readonly string[]
  /** Keys for `createSeal`, one for each key of the ring. `purpose` separates uses that must never mix. */
  sealKeys(purpose: string): SealKey[]
  /** A secret of 32 bytes for each key of the ring: the first one makes, all of them are tried. */
  secrets(purpose: string): readonly Buffer[]
}

const KEY_LENGTH = 32
const ID_LENGTH = 4
const KEY = /^[A-Za-z0-9_-]{43}$/

/**
 * Makes the ring from keys of 32 bytes as base64url (43 characters), newest first.
 * Throws, without repeating the key, if one is anything else.
 */
export function createKeyring(keys: readonly string[]): Keyring {
  const ring = keys.map(decodeKey)
  if (ring.length === 0) throw new Error('There is no key.')
  return {
    ids: ring.map((key) => derive(key, 'ring', ID_LENGTH).toString('hex')),
    secrets: (purpose) => ring.map((key) => derive(key, purpose, KEY_LENGTH)),
    sealKeys: (purpose) =>
      ring.map((key) => ({
        id: derive(key, `${purpose} id`, ID_LENGTH),
        secret: derive(key, purpose, KEY_LENGTH),
      })),
  }
}

function decodeKey(key: string, index: number): Buffer {
  const bytes = Buffer.from(key, 'base64url')
  if (!KEY.test(key) || bytes.length !== KEY_LENGTH || bytes.toString('base64url') !== key) {
    throw new Error(`Key ${index + 1} is not 32 bytes as base64url (43 characters).`)
  }
  return bytes
}

function derive(key: Buffer, purpose: string, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', key, '', `gatehouse ${purpose}`, length))
}

export function newKey(): string {
  return randomBytes(KEY_LENGTH).toString('base64url')
}

/** Splits a list of keys as `SESSION_KEYS` and the key file hold it: separated by commas, spaces allowed. */
export function splitKeys(list: string): string[] {
  return list
    .split(',')
    .map((key) => key.trim())
    .filter((key) => key !== '')
}
