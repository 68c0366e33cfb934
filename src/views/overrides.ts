import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff/lib/patch/create.js'
import { z } from 'zod/v3'
import { version as ours } from '../base/package.js'
import { originalOf, templateNames } from './templates.js'

/** What is known of the originals of a folder's templates lies beside these, to be kept together with them. */
const NOTES = '.gatehouse.json'

const note = z.object({
  /** Of the original. */
  sha256: z.string(),
  /** Of the package that it came with. */
  version: z.string(),
  original: z.string(),
})

const notes = z.object({ templates: z.record(z.string(), note) })

/** The original as it was when a template was copied from it. */
type Note = z.infer<typeof note>

type Notes = Record<string, Note>

/** Copies a template of ours into the folder, for its host to edit. Throws a sentence if there is one already. */
export function copyTemplate(name: string, folder: string): void {
  const original = originalOf(name)
  const known = readNotes(folder)
  write(join(folder, name), original)
  writeNotes(folder, { ...known, [name]: noteOf(original) })
}

/** Notes that the folder's template has what is new in today's original, however it came there. */
export function keepTemplate(name: string, folder: string): void {
  const file = join(folder, name)
  if (!existsSync(file)) throw new Error(`There is no ${file}.`)
  writeNotes(folder, { ...readNotes(folder), [name]: noteOf(originalOf(name)) })
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true })
  try {
    writeFileSync(file, text, { flag: 'wx' })
  } catch (error) {
    const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST'
    throw isThere ? new Error(`${file} is there already; it stays as it is.`) : error
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
    throw new Error(`${file} is damaged: take it from your version control, or remove it.`)
  }
}

function writeNotes(folder: string, known: Notes): void {
  const templates = Object.fromEntries(Object.entries(known).sort(([one], [other]) => (one < other ? -1 : 1)))
  writeFileSync(join(folder, NOTES), `${JSON.stringify({ templates }, null, 2)}\n`)
}

/** How a template of the host's stands to its original. */
export interface Comparison {
  name: string
  /**
   * `same` as today's original; `edited`, and the original is what it was; `drifted`: the original has changed since;
   * `gone`: there is no such original any more; `unknown`: nobody has noted what it was copied from.
   */
  state: 'same' | 'edited' | 'drifted' | 'gone' | 'unknown'
  /** The version that it was copied from; '' if nobody has noted it. */
  version: string
  /** What has changed in the original since; of an unknown one how it differs from its original. A unified diff, or ''. */
  difference: string
}

/** Compares every template of ours that the folder has one for, and those that it once had one for. */
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
  const ends = [`as it was copied, ${version}`, `as it is today, ${ours}`] as const
  return { name, state: 'drifted', version, difference: patch(name, noted.original, original, ends) }
}

const OWN = ['the original', 'yours'] as const

function patch(name: string, before: string, after: string, [old, young]: readonly [string, string]): string {
  const options = { headerOptions: FILE_HEADERS_ONLY, stripTrailingCr: true }
  return createTwoFilesPatch(name, name, before, after, old, young, options).trimEnd()
}

// Version control on Windows may have given the host's files other ends of lines.
function isSame(override: string, original: string): boolean {
  return unixLines(override) === unixLines(original)
}

function unixLines(text: string): string {
  return text.replaceAll('\r\n', '\n')
}
