import { hkdfSync, randomBytes } from 'node:crypto'
import { chmodSync, linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { locate } from './tables/locate.js'
import type { DatabaseLocation } from './tables/location.js'
import { isCode, makeFolder } from './tables/private-files.js'
import type { SealKey } from './web/seal.js'

/** The site's secret keys, newest first; each purpose gets keys of its own, derived from them. */
export interface Keyring {
  /** Keys for `createSeal`, one for each key of the ring. `purpose` separates uses that must never mix. */
  sealKeys(purpose: string): SealKey[]
  /** A secret of 32 bytes, from the oldest key: a new one in front changes nothing of what was made with it. */
  secret(purpose: string): Buffer
}

const KEY_LENGTH = 32
const KEY = /^[A-Za-z0-9_-]{43}$/

/**
 * Makes the ring from keys of 32 bytes as base64url (43 characters), newest first.
 * Throws, without repeating the key, if one is anything else.
 */
export function createKeyring(keys: readonly string[]): Keyring {
  const ring = keys.map(decodeKey)
  const oldest = ring.at(-1)
  if (oldest === undefined) throw new Error('There is no key.')
  return {
    secret: (purpose) => derive(oldest, purpose, KEY_LENGTH),
    sealKeys: (purpose) =>
      ring.map((key) => ({ id: derive(key, `${purpose} id`, 4), secret: derive(key, purpose, KEY_LENGTH) })),
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

/** Splits a list of keys as `SESSION_KEYS` and the key file hold it: separated by commas, spaces allowed. */
export function splitKeys(list: string): string[] {
  return list
    .split(',')
    .map((key) => key.trim())
    .filter((key) => key !== '')
}

/** The keys of a site that was given none: those kept beside the file of SQLite. Throws for another database. */
export function keptKeys(database: DatabaseLocation): readonly string[] {
  const located = locate(database)
  if (located.kind !== 'file')
    throw new Error('The keys have to be given: there is no file beside which they could be kept.')
  return siteKeys({ sessionKeys: [], keyFile: `${located.file.path}.key` })
}

/**
 * The keys of the configuration, or if it has none those kept in the key file (mode 0600), which is made with
 * one new key the first time. Throws for a damaged file and leaves it alone: a new key would sign everybody out.
 */
export function siteKeys({
  sessionKeys,
  keyFile,
}: {
  sessionKeys: readonly string[]
  keyFile: string
}): readonly string[] {
  if (sessionKeys.length > 0) return sessionKeys
  const keys = readKeyFile(keyFile) ?? makeKeyFile(keyFile)
  try {
    createKeyring(keys)
  } catch {
    throw new Error(
      `The key file ${keyFile} is damaged. Put a copy of it back, or remove it to sign everybody out and begin anew.`,
    )
  }
  return keys
}

function readKeyFile(file: string): string[] | undefined {
  try {
    return splitKeys(readFileSync(file, 'utf8'))
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined
    throw new Error(
      `The key file ${file}, which goes with DATABASE_URL where SESSION_KEYS is not set, cannot be read: ${error instanceof Error ? error.message : error}.`,
    )
  }
}

function makeKeyFile(file: string): string[] {
  try {
    makeFolder(dirname(file))
    return linkedKeys(file)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(
      `The key file ${file}, which goes with DATABASE_URL where SESSION_KEYS is not set, cannot be made: ${reason}.`,
    )
  }
}

// Written aside and linked into place: of two processes that start together one wins, and neither reads half a key.
function linkedKeys(file: string): string[] {
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, `${randomBytes(KEY_LENGTH).toString('base64url')}\n`, { mode: 0o600 })
  chmodSync(draft, 0o600)
  try {
    linkSync(draft, file)
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error
  } finally {
    rmSync(draft)
  }
  return splitKeys(readFileSync(file, 'utf8'))
}
