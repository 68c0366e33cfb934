import { appendFileSync, closeSync, openSync, rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Registry } from '../../accounts/registry.js'
import { isCode } from '../../database/private-files.js'
import { portableHash } from '../../secrets/foreign-phc.js'
import { type ExportedRow, exported } from '../../tables/users-export.js'
import { count } from '../../tables/users-list.js'
import { type Command, parsed, UsageError, withRegistry } from '../command.js'
import { createProgress, isWatched, progressOf } from '../progress.js'
import { jsonLine, print } from '../terminal.js'

const BATCH = 500

const options = {
  ndjson: { type: 'boolean', default: false },
  hashes: { type: 'boolean', default: false },
} as const

export const subcommand: Command = {
  name: 'export',
  summary: 'Write all users to a file that other systems can read',
  help: `Usage: gatehouse users export [<file>] --ndjson [--hashes]

Write each user as a JSON object on a line of its own, to a new file that only
its owner can read, or to standard output. Closed accounts are left out.
gatehouse users import --from ndjson reads it.

Options:
  --ndjson  The format: JSON objects, one on each line
  --hashes  Include password hashes: PHC strings of Argon2id, or the hash that
            an account was imported with. Anyone who has them can try to guess
            the passwords`,
  async run(args) {
    const { values, positionals } = parsed(() =>
      parseArgs({ args: [...args], options, allowPositionals: true }),
    )
    const [file, ...others] = positionals
    if (!values.ndjson || others.length > 0)
      throw new UsageError('Missing --ndjson. Usage: gatehouse users export [<file>] --ndjson')
    return withRegistry((registry) =>
      file === undefined ? toOutput(registry, values.hashes) : toFile(registry, values.hashes, file),
    )
  },
}

async function toOutput(registry: Registry, withHashes: boolean): Promise<string> {
  const progress = isWatched() ? createProgress(await count(registry.database.main, {})) : undefined
  for await (const rows of batchesOf(registry)) {
    await print(linesOf(rows, withHashes))
    progress?.advance(rows.length)
  }
  progress?.end()
  return ''
}

async function toFile(registry: Registry, withHashes: boolean, file: string): Promise<string> {
  const progress = progressOf(await count(registry.database.main, {}))
  const opened = newFile(file)
  let written = 0
  try {
    for await (const rows of batchesOf(registry)) {
      appendFileSync(opened, linesOf(rows, withHashes))
      progress.advance(rows.length)
      written += rows.length
    }
  } catch (error) {
    rmSync(file)
    throw error
  } finally {
    progress.end()
    closeSync(opened)
  }
  return `Wrote ${written} users to ${file}.`
}

function newFile(file: string): number {
  try {
    return openSync(file, 'wx', 0o600)
  } catch (error) {
    if (isCode(error, 'EEXIST')) throw new Error(`${file} already exists. Nothing was written.`)
    throw error
  }
}

async function* batchesOf({ database }: Registry): AsyncGenerator<ExportedRow[]> {
  let after: string | undefined = ''
  while (after !== undefined) {
    const rows: ExportedRow[] = await exported(database.main, { after, batch: BATCH })
    yield rows
    after = rows.length < BATCH ? undefined : rows.at(-1)?.id
  }
}

function linesOf(rows: readonly ExportedRow[], withHashes: boolean): string {
  return rows.map((row) => jsonLine(personOf(row, withHashes))).join('')
}

function personOf(row: ExportedRow, withHashes: boolean) {
  return {
    id: row.id,
    username: row.name,
    email: row.email || null,
    confirmedAt: timeOf(row.email_confirmed_at),
    createdAt: timeOf(row.created_at),
    disabledAt: timeOf(row.disabled_at),
    language: row.language,
    ...(withHashes && { passwordHash: portableHash(row.password_hash) }),
  }
}

function timeOf(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString()
}
