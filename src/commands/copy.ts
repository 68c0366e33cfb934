import { existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Copied, copyDatabase } from '../database/copy.js'
import { isPostgresUrl, sqlitePath, sqliteProblem } from '../database/locate.js'
import { splitKeys } from '../secrets/keyring.js'
import { type Command, parsed, UsageError } from './command.js'
import { type Progress, progressOf, UNWATCHED } from './progress.js'
import { readSettings } from './settings.js'
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
    const { positionals } = parsed(() => parseArgs({ args: [...args], allowPositionals: true }))
    const [from, to, ...others] = positionals
    if (from === undefined || others.length > 0) {
      throw new UsageError('Missing source. Usage: gatehouse copy <from> [<to>]')
    }
    const target = to ?? (await readSettings()).database
    refuseMissing(from)
    return copy(from, target)
  },
}

function refuseMissing(from: string): void {
  const file = fileOf(from)
  if (file !== undefined && !existsSync(file)) throw new Error(`Database not found: ${file}.`)
}

function fileOf(address: string): string | undefined {
  return isPostgresUrl(address) || sqliteProblem(address) !== undefined ? undefined : sqlitePath(address)
}

async function copy(from: string, to: string): Promise<string> {
  await print('Keep the site stopped until this is done.\n')
  let progress: Progress = UNWATCHED
  const watch = {
    begin: (total: number) => {
      progress = progressOf(total)
    },
    advance: (rows: number) => progress.advance(rows),
  }
  try {
    const copied = await copyDatabase({ url: from }, { url: to }, watch)
    return [inWords(copied), ...keyLines(from, to)].join('\n')
  } finally {
    progress.end()
  }
}

function inWords({ when, counts }: Copied): string {
  const list = counts.map(({ table, rows }) => `${table} ${rows}`).join(', ')
  return when === 'now'
    ? `Copied everything. Row counts and checksums match: ${list}.`
    : `Already copied. Row counts and checksums match: ${list}.`
}

// Without its keys a site loses logins, waiting emails, codes, authenticator apps, known devices and limits.
function keyLines(from: string, to: string): string[] {
  const keyFile = keyFileOf(from)
  const target = fileOf(to)
  if (keyFile === undefined || isGiven(keyFile))
    return ['Start the site with the same SESSION_KEYS as before.']
  return [
    'Keep the same keys. Without them everyone is logged out, waiting emails are lost, and codes of',
    'authenticator apps are refused.',
    target === undefined
      ? `If the site had no SESSION_KEYS, start it with SESSION_KEYS="$(cat '${keyFile}')".`
      : `If the site had no SESSION_KEYS, copy its key file: cp '${keyFile}' '${target}.key'`,
  ]
}

function keyFileOf(address: string): string | undefined {
  const file = fileOf(address)
  return file !== undefined && existsSync(`${file}.key`) ? `${file}.key` : undefined
}

function isGiven(keyFile: string): boolean {
  const given = splitKeys(process.env.SESSION_KEYS ?? '')
  return splitKeys(readFileSync(keyFile, 'utf8')).every((key) => given.includes(key))
}
