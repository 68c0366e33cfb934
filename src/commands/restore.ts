import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { restore } from '../database/backup.js'
import type { Config } from '../server/config.js'
import { type Command, parsed, UsageError } from './command.js'
import { readSettings } from './settings.js'

export const command: Command = {
  name: 'restore',
  summary: 'Replace a SQLite database with a backup',
  help: `Usage: gatehouse restore <file>

Replace the SQLite database with a backup. Stop the site first.

The backup is checked before anything is changed. The old database is kept
beside the new one. If the site has no key file, <file>.key becomes it.`,
  async run(args) {
    const { positionals } = parsed(() => parseArgs({ args: [...args], allowPositionals: true }))
    const [file, ...others] = positionals
    if (file === undefined || others.length > 0)
      throw new UsageError('Missing file. Usage: gatehouse restore <file>')
    const config = await readSettings()
    const { users, previous } = await restore(config.database, file, new Date())
    return [
      `Restored ${file}. Users: ${users}.`,
      ...(previous === undefined ? [] : [`The old database is now ${previous}.`]),
      ...keyLines(config, file),
    ].join('\n')
  },
}

// The site keeps its own keys: without them, what they have encrypted would be lost.
function keyLines({ sessionKeys, keyFile }: Config, file: string): string[] {
  if (sessionKeys.length > 0) return ['The site decrypts it with SESSION_KEYS.']
  if (existsSync(keyFile)) return [`The site decrypts it with the keys in ${keyFile}.`]
  if (!existsSync(`${file}.key`)) {
    return [
      `There are no keys. Put them in ${keyFile}, or everyone is logged out, waiting emails are lost, and codes of authenticator apps are refused.`,
    ]
  }
  writeFileSync(keyFile, readFileSync(`${file}.key`), { flag: 'wx', mode: 0o600 })
  return [`Its keys are now in ${keyFile}.`]
}
