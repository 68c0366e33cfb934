import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { restore } from '../database/backup.js'
import { type Config, readConfig } from '../server/config.js'
import { readDotEnv } from '../server/dot-env.js'
import { type Command, UsageError, understood } from './command.js'

export const command: Command = {
  name: 'restore',
  summary: 'Replace a SQLite database with a backup',
  help: `Usage: gatehouse restore <file>

Replace the SQLite database with a backup. Stop the site first.

The backup is checked before anything is changed. The old database is kept
beside the new one. If the site has no key file, <file>.key becomes it.`,
  async run(args) {
    const { positionals } = understood(() => parseArgs({ args: [...args], allowPositionals: true }))
    const [file, ...others] = positionals
    if (file === undefined || others.length > 0) throw new UsageError('Say which: gatehouse restore <file>.')
    readDotEnv()
    const config = readConfig(process.env)
    const { users, former } = await restore(config.database, file, new Date())
    return [
      `${file} is in its place: users ${users}.`,
      ...(former === undefined ? [] : [`The former database is ${former}.`]),
      ...keyWords(config, file),
    ].join('\n')
  },
}

// The site keeps its own keys: without them, what they have encrypted would be lost.
function keyWords({ sessionKeys, keyFile }: Config, file: string): string[] {
  if (sessionKeys.length > 0) return ['The site opens what is sealed in it with SESSION_KEYS.']
  if (existsSync(keyFile)) return [`The site opens what is sealed in it with the keys in ${keyFile}.`]
  if (!existsSync(`${file}.key`)) {
    return [
      `There are no keys: put them into ${keyFile}, or everybody is logged out, and mails that wait are lost.`,
    ]
  }
  writeFileSync(keyFile, readFileSync(`${file}.key`), { flag: 'wx', mode: 0o600 })
  return [`Its keys are in ${keyFile}.`]
}
