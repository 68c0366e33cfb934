import { statSync } from 'node:fs'
import { emailKeyOf, nameKeyOf } from '../../accounts/fields.js'
import { type Imported, type ImportOptions, importAll } from '../../accounts/importing.js'
import type { Registry } from '../../accounts/registry.js'
import { commandOrigin } from '../command.js'
import { progressOf } from '../progress.js'
import { createLists, type Lists } from './lists.js'
import { type Records, recordsOf, type SourceRecord } from './records.js'
import { type Secrets, SOURCES, type SourceUser } from './sources.js'

// Small transactions let the site write in between.
const BATCH = 500

export interface ImportRun extends ImportOptions {
  file: string
  secrets: Secrets
  isUnconfirmed: boolean
}

export interface Tally {
  imported: number
  before: number
  refused: number
  renamed: number
  withoutPassword: number
  withApp: number
}

export async function runImport(registry: Registry, run: ImportRun): Promise<Tally> {
  const isUsersObject = run.source === 'firebase' || run.source === 'keycloak'
  const from = recordsOf(run.file, { isUsersObject })
  const importing = { registry, run, lists: createLists(run.file), seen: new Set<string>() }
  const tally: Tally = { imported: 0, before: 0, refused: 0, renamed: 0, withoutPassword: 0, withApp: 0 }
  const progress = progressOf(statSync(run.file).size)
  try {
    let bytes = 0
    for await (const batch of batchesOf(from)) {
      await importBatch(importing, batch, tally)
      progress.advance(from.bytesRead() - bytes)
      bytes = from.bytesRead()
    }
  } finally {
    progress.end()
  }
  return tally
}

async function* batchesOf({ records }: Records): AsyncGenerator<SourceRecord[]> {
  let batch: SourceRecord[] = []
  for await (const record of records) {
    batch.push(record)
    if (batch.length < BATCH) continue
    yield batch
    batch = []
  }
  yield batch
}

interface Importing {
  registry: Registry
  run: ImportRun
  lists: Lists
  /** Names and addresses of earlier rows, in a trial, which stores nothing. */
  seen: Set<string>
}

async function importBatch(
  importing: Importing,
  batch: readonly SourceRecord[],
  tally: Tally,
): Promise<void> {
  const { registry, run, lists } = importing
  const unreadable = batch.filter((record) => record === undefined)
  refuse(
    importing,
    unreadable.map(() => [NOBODY, 'row_unreadable'] as const),
    tally,
  )
  const read = batch.flatMap((record) => (record === undefined ? [] : (readOne(run, record) ?? [])))
  const whole = read.filter((one) => problemOf(one) === undefined)
  refuse(
    importing,
    read.flatMap((one) => refusalOf(one, problemOf(one))),
    tally,
  )
  const outcomes = await importAll(commandOrigin('users import'), registry, whole, run)
  const results = whole.map((one, index) => ({ one, result: seenOnce(importing, one, outcomes[index]) }))
  refuse(
    importing,
    results.flatMap(({ one, result }) =>
      refusalOf(one, result?.outcome === 'refused' ? result.code : undefined),
    ),
    tally,
  )
  const renamed = results.flatMap(({ one: { sourceId }, result }) =>
    result?.outcome === 'imported' && result.former !== undefined
      ? [{ sourceId, former: result.former, name: result.name }]
      : [],
  )
  if (!run.isDryRun) lists.rename(renamed)
  tally.renamed += renamed.length
  for (const { one, result } of results) count(tally, one, result)
}

const NOBODY = { sourceId: '', name: '', email: '' }

function readOne(
  { source, secrets, isUnconfirmed }: ImportRun,
  record: SourceRecord,
): SourceUser | undefined {
  const read = SOURCES[source]?.(record, secrets)
  return read && isUnconfirmed ? { ...read, confirmedAt: null } : read
}

function problemOf({
  sourceId,
  isDeleted,
  hash,
  hashText,
  appSecret,
  appText,
}: SourceUser): string | undefined {
  if (sourceId === '') return 'id_missing'
  if (isDeleted) return 'deleted'
  if (hashText !== '' && hash === undefined) return 'hash_unusable'
  return appText !== '' && appSecret === undefined ? 'app_unusable' : undefined
}

type Refusal = readonly [typeof NOBODY, string]

function refusalOf(one: SourceUser, code: string | undefined): Refusal[] {
  return code === undefined ? [] : [[one, code]]
}

function refuse({ lists }: Importing, refusals: readonly Refusal[], tally: Tally): void {
  lists.refuse(refusals.map(([{ sourceId, name, email }, code]) => ({ sourceId, name, email, code })))
  tally.refused += refusals.length
}

function seenOnce(
  { run, seen }: Importing,
  one: SourceUser,
  result: Imported | undefined,
): Imported | undefined {
  if (!run.isDryRun || result?.outcome !== 'imported') return result
  const [name, email] = [`name ${nameKeyOf(result.name)}`, `email ${emailKeyOf(one.email)}`]
  const isSeen = one.email !== '' && seen.has(email)
  const code = isSeen ? 'email_taken' : seen.has(name) && !one.isDisplayName ? 'username_taken' : ''
  seen.add(name).add(email)
  return code === '' ? result : { outcome: 'refused', code }
}

function count(tally: Tally, { hash, appSecret }: SourceUser, result: Imported | undefined): void {
  if (result?.outcome === 'before') tally.before += 1
  if (result?.outcome !== 'imported') return
  tally.imported += 1
  if (hash === undefined) tally.withoutPassword += 1
  if (appSecret !== undefined) tally.withApp += 1
}
