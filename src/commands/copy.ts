import { existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Copied, copyDatabase } from '../database/copy.js'
import { isPostgresUrl, sqlitePath, sqliteProblem } from '../database/locate.js'
import { splitKeys } from '../secrets/keyring.js'
import { readConfig } from '../server/config.js'
import { readDotEnv } from '../server/dot-env.js'
import { type Command, UsageError, understood } from './command.js'
import { type Progress, progressOf, UNWATCHED } from './progress.js'
import { print } from './terminal.js'

export const command: Command = {
  name: 'copy',
  summary: 'Copy everything to another database',
  help: `Usage: gatehouse copy <from> [<to>]

Copy everything from one database to another, which must be empty. It copies
all or nothing, compares row counts and checksums, and can be run again.

Stop the site first. If the source changes while it is being copied, nothing is
copied and the command exits with 1.

<from> and <to> are written like DATABASE_URL. Leave <to> out to use
DATABASE_URL, so that no password shows in the process list.

Example:
  DATABASE_URL=postgres://… gatehouse copy sqlite:db/data/gatehouse.sqlite`,
  async run(args) {
    const { positionals } = understood(() => parseArgs({ args: [...args], allowPositionals: true }))
    const [from, to, ...others] = positionals
    if (from === undefined || others.length > 0) {
      throw new UsageError('Say from where: gatehouse copy <from> [<to>].')
    }
    readDotEnv()
    refuseMissing(from)
    return copy(from, to ?? readConfig(process.env).database)
  },
}

function refuseMissing(from: string): void {
  const file = fileOf(from)
  if (file !== undefined && !existsSync(file)) throw new Error(`There is no database ${file}.`)
}

function fileOf(address: string): string | undefined {
  return isPostgresUrl(address) || sqliteProblem(address) !== undefined ? undefined : sqlitePath(address)
}

async function copy(from: string, to: string): Promise<string> {
  await print('Nobody should write to the source meanwhile.\n')
  let progress: Progress = UNWATCHED
  const watch = {
    begin: (total: number) => {
      progress = progressOf(total)
    },
    advance: (rows: number) => progress.advance(rows),
  }
  try {
    const copied = await copyDatabase({ url: from }, { url: to }, watch)
    return [inWords(copied), ...keyWords(from, to)].join('\n')
  } finally {
    progress.end()
  }
}

function inWords({ when, counts }: Copied): string {
  const list = counts.map(({ table, rows }) => `${table} ${rows}`).join(', ')
  return when === 'now'
    ? `Everything is copied, and counts and sums agree: ${list}.`
    : `Everything had been copied before, and counts and sums agree: ${list}.`
}

// Without its keys a site loses logins, waiting emails, codes, known devices and limits.
function keyWords(from: string, to: string): string[] {
  const keyFile = `${fileOf(from)}.key`
  const kept = existsSync(keyFile) ? splitKeys(readFileSync(keyFile, 'utf8')) : []
  const given = splitKeys(process.env.SESSION_KEYS ?? '')
  if (kept.length === 0 || kept.every((key) => given.includes(key))) {
    return ['The copy needs the same SESSION_KEYS as before.']
  }
  const target = fileOf(to)
  return [
    'The copy needs the same keys: without them everybody is logged out, and mails that wait are lost.',
    target === undefined
      ? `Unless the site had SESSION_KEYS before, start it with SESSION_KEYS="$(cat '${keyFile}')".`
      : `Unless the site had SESSION_KEYS before, put its key file beside the copy: cp '${keyFile}' '${target}.key'`,
  ]
}
