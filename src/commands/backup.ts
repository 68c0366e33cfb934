import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { backUp } from '../database/backup.js'
import type { Config } from '../server/config.js'
import { type Command, parsed, refuseMissing, UsageError } from './command.js'
import { type Progress, progressOf, UNWATCHED } from './progress.js'
import { readSettings } from './settings.js'

export const command: Command = {
  name: 'backup',
  summary: 'Back up a SQLite database while the site runs',
  help: `Usage: gatehouse backup <file> [--with-key]

Back up the SQLite database to a new file that only its owner can read, and
check it. The site can keep running.

Options:
  --with-key  Also copy the key file, to <file>.key. Keep both in a safe place:
              together they reveal waiting emails`,
  async run(args) {
    const { values, positionals } = parsed(() =>
      parseArgs({
        args: [...args],
        options: { 'with-key': { type: 'boolean', default: false } },
        allowPositionals: true,
      }),
    )
    const [file, ...others] = positionals
    if (file === undefined || others.length > 0)
      throw new UsageError('Missing file. Usage: gatehouse backup <file>')
    const config = await readSettings()
    return values['with-key'] ? backupWithKey(config, file) : backup(config, file)
  },
}

async function backup(config: Config, file: string): Promise<string> {
  const done = await write(config, file)
  const keys = config.sessionKeys.length > 0 ? 'SESSION_KEYS' : config.keyFile
  return `${done}\nThe keys are not included. Keep ${keys} in another place.`
}

async function backupWithKey(config: Config, file: string): Promise<string> {
  if (config.sessionKeys.length > 0) {
    throw new Error('The keys are in SESSION_KEYS, not in a file. Leave out --with-key.')
  }
  const keyFile = `${file}.key`
  if (existsSync(keyFile)) throw new Error(`${keyFile} already exists. Nothing was written.`)
  const done = await write(config, file)
  writeFileSync(keyFile, readFileSync(config.keyFile), { flag: 'wx', mode: 0o600 })
  return `${done}\nThe keys are in ${keyFile}. Anyone with both files can read waiting emails.`
}

async function write({ database }: Config, file: string): Promise<string> {
  refuseMissing(database)
  let progress: Progress = UNWATCHED
  let before = 0
  try {
    const users = await backUp(database, file, ({ done, total }) => {
      if (progress === UNWATCHED) progress = progressOf(total)
      progress.advance(done - before)
      before = done
    })
    return `Backed up to ${file} and checked it. Users: ${users}.`
  } finally {
    progress.end()
  }
}
