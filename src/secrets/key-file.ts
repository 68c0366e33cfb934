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
import { errorText } from '../base/error-text.js'
import { locate } from '../database/locate.js'
import type { DatabaseLocation } from '../database/location.js'
import { draftOf, isCode, makeFolder } from '../database/private-files.js'
import { createKeyring, newKey, splitKeys } from './keyring.js'

export function keysBesideDatabase(database: DatabaseLocation): readonly string[] {
  const located = locate(database)
  if (located.kind !== 'file')
    throw new Error('Option keys must be set, because there is no SQLite file to keep them beside.')
  return siteKeys({ sessionKeys: [], keyFile: `${located.file.path}.key` })
}

/** Returns the configured keys, or those in the key file, which is created if missing. Throws if it is damaged. */
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
      `The key file ${keyFile} is damaged. Restore a copy, or remove it. Then a new key is created and everyone is logged out.`,
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
      `Cannot read the key file ${file}, used with DATABASE_URL because SESSION_KEYS is not set: ${errorText(error)}.`,
    )
  }
}

function makeKeyFile(file: string): string[] {
  try {
    makeFolder(dirname(file))
    return linkNewKey(file)
  } catch (error) {
    throw new Error(
      `Cannot create the key file ${file}, used with DATABASE_URL because SESSION_KEYS is not set: ${errorText(error)}.`,
    )
  }
}

// Linking a draft lets parallel starts agree, and none reads half a key.
function linkNewKey(file: string): string[] {
  const draft = draftOf(file)
  writeFileSync(draft, `${newKey()}\n`, { flag: 'wx', mode: 0o600 })
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

/** Readers see the old or the new file. Throws if it cannot be written or another process is changing it. */
export function changeKeyFile(keyFile: string, change: (keys: readonly string[]) => readonly string[]): void {
  const file = realpathSync(keyFile)
  const draft = `${file}.new`
  const handle = claimDraft(draft, file)
  try {
    const keys = change(siteKeys({ sessionKeys: [], keyFile: file }))
    writeFileSync(handle, `${keys.join(',\n')}\n`)
    // Keeps the owner when root changes the file.
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

// Parallel rotations would lose each other's new key.
function claimDraft(draft: string, file: string): number {
  try {
    return openSync(draft, 'wx', 0o600)
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw new Error(`Cannot change the key file ${file}: ${errorText(error)}.`)
    throw new Error(
      `${draft} exists: another command is changing the keys. If none is running, a crash left it behind: remove it.`,
    )
  }
}
