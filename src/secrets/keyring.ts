import { hkdfSync, randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import type { DatabaseLocation } from '../database/locate.js'
import { locate } from '../database/locate.js'
import { isCode, makeFolder } from '../database/private-files.js'
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
      `The key file ${file}, which goes with DATABASE_URL where SESSION_KEYS is not set, cannot be read: ${messageOf(error)}.`,
    )
  }
}

function makeKeyFile(file: string): string[] {
  try {
    makeFolder(dirname(file))
    return linkedKeys(file)
  } catch (error) {
    throw new Error(
      `The key file ${file}, which goes with DATABASE_URL where SESSION_KEYS is not set, cannot be made: ${messageOf(error)}.`,
    )
  }
}

// Written aside and linked into place: of two processes that start together one wins, and neither reads half a key.
function linkedKeys(file: string): string[] {
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, `${newKey()}\n`, { mode: 0o600 })
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

/**
 * Changes the ring in the key file, which is there and whole; whoever reads it meanwhile sees the former ring or the new one.
 * Throws a sentence if it cannot be written, or is being changed by somebody else.
 */
export function changeKeyFile(keyFile: string, change: (keys: readonly string[]) => readonly string[]): void {
  const file = realpathSync(keyFile)
  const draft = `${file}.new`
  const handle = claimDraft(draft, file)
  try {
    const keys = change(siteKeys({ sessionKeys: [], keyFile: file }))
    writeFileSync(handle, `${keys.join(',\n')}\n`)
    // By root, too, the file stays its owner's.
    const { uid, gid } = statSync(file)
    if (process.getuid?.() !== uid) chownSync(draft, uid, gid)
    fsyncSync(handle)
    renameSync(draft, file)
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  } finally {
    closeSync(handle)
  }
}

// Two that rotate at once would each drop the other's new key.
function claimDraft(draft: string, file: string): number {
  try {
    return openSync(draft, 'wx', 0o600)
  } catch (error) {
    if (!isCode(error, 'EEXIST'))
      throw new Error(`The key file ${file} cannot be changed: ${messageOf(error)}.`)
    throw new Error(
      `There is ${draft}: somebody else is changing the keys. If nobody is, it was left behind by a crash: remove it.`,
    )
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
