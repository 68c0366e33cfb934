import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff/lib/patch/create.js'
import { z } from 'zod/v3'
import { version as ours } from '../base/package.js'
import { originalOf, templateNames } from './templates.js'

const NOTES = '.gatehouse.json'

const note = z.object({
  sha256: z.string(),
  version: z.string(),
  original: z.string(),
})

const notes = z.object({ templates: z.record(z.string(), note) })

type Note = z.infer<typeof note>

type Notes = Record<string, Note>

export function copyTemplate(name: string, folder: string): void {
  const original = originalOf(name)
  const known = readNotes(folder)
  write(join(folder, name), original)
  writeNotes(folder, { ...known, [name]: noteOf(original) })
}

export function keepTemplate(name: string, folder: string): void {
  const file = join(folder, name)
  if (!existsSync(file)) throw new Error(`File not found: ${file}.`)
  writeNotes(folder, { ...readNotes(folder), [name]: noteOf(originalOf(name)) })
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true })
  try {
    writeFileSync(file, text, { flag: 'wx' })
  } catch (error) {
    const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST'
    throw isThere ? new Error(`${file} already exists. Nothing was changed.`) : error
  }
}

function noteOf(original: string): Note {
  return { sha256: hashOf(original), version: ours, original }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function readNotes(folder: string): Notes {
  const file = join(folder, NOTES)
  if (!existsSync(file)) return {}
  try {
    return notes.parse(JSON.parse(readFileSync(file, 'utf8'))).templates
  } catch {
    throw new Error(`${file} is damaged. Restore it from version control, or remove it.`)
  }
}

function writeNotes(folder: string, known: Notes): void {
  const templates = Object.fromEntries(Object.entries(known).sort(([one], [other]) => (one < other ? -1 : 1)))
  writeFileSync(join(folder, NOTES), `${JSON.stringify({ templates }, null, 2)}\n`)
}

export interface Comparison {
  name: string
  /** `drifted`: the original changed after the copy; `gone`: it was removed; `unknown`: no record. */
  state: 'same' | 'edited' | 'drifted' | 'gone' | 'unknown'
  version: string
  /** Unified diff of the original since the copy; if `unknown`, between original and template. */
  difference: string
}

export function compareOverrides(folder: string): Comparison[] {
  const known = readNotes(folder)
  const names = new Set([...templateNames(), ...Object.keys(known)])
  return [...names]
    .filter((name) => existsSync(join(folder, name)))
    .sort()
    .map((name) => compare(name, folder, known[name]))
}

function compare(name: string, folder: string, noted: Note | undefined): Comparison {
  const version = noted?.version ?? ''
  if (!templateNames().includes(name)) return { name, state: 'gone', version, difference: '' }
  const original = originalOf(name)
  const override = readFileSync(join(folder, name), 'utf8')
  if (isSame(override, original)) return { name, state: 'same', version, difference: '' }
  if (noted === undefined) {
    return { name, state: 'unknown', version, difference: patch(name, original, override, OWN) }
  }
  if (hashOf(original) === noted.sha256) return { name, state: 'edited', version, difference: '' }
  const ends = [`original when copied, ${version}`, `original now, ${ours}`] as const
  return { name, state: 'drifted', version, difference: patch(name, noted.original, original, ends) }
}

const OWN = ['original', 'yours'] as const

function patch(
  name: string,
  before: string,
  after: string,
  [oldLabel, newLabel]: readonly [string, string],
): string {
  const options = { headerOptions: FILE_HEADERS_ONLY, stripTrailingCr: true }
  return createTwoFilesPatch(name, name, before, after, oldLabel, newLabel, options).trimEnd()
}

// Git on Windows may have changed line endings.
function isSame(override: string, original: string): boolean {
  return unixLines(override) === unixLines(original)
}

function unixLines(text: string): string {
  return text.replaceAll('\r\n', '\n')
}
