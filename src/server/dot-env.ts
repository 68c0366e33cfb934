import { readFileSync, statSync } from 'node:fs'
import { errorText } from '../base/error-text.js'

const SPACE = String.raw`[^\S\n]*`
const COMMENT = String.raw`#[^\n]*`
const BARE = String.raw`(?:[^\n#"'\`\s](?:[^\n#]*[^\n#\s])?)?`
const VALUE = `(?:"([^"]*)"|'([^']*)'|\`([^\`]*)\`|(${BARE}))`
const ASSIGNMENT = String.raw`(?:export[^\S\n]+)?([A-Za-z_]\w*)${SPACE}=${SPACE}${VALUE}`
const LINE = new RegExp(
  String.raw`${SPACE}(?:${COMMENT}|(?:${ASSIGNMENT}(?:[^\S\n]+${COMMENT})?)?${SPACE})(?:\n|$)`,
  'y',
)

/** Throws if a line is ambiguous, because the lost setting could be NODE_ENV. The error repeats no value. */
export function parseDotEnv(bytes: Uint8Array): Map<string, string> {
  const text = decoded(bytes).replaceAll(/\r\n?/g, '\n')
  const variables = new Map<string, string>()
  for (let at = 0; at < text.length; at = LINE.lastIndex) {
    LINE.lastIndex = at
    const line = LINE.exec(text)
    if (line === null) throw new Error(problemIn(text.slice(0, at).split('\n').length))
    const [, name, double, single, back, bare = ''] = line
    const quoted = double?.replaceAll('\\n', '\n') ?? single ?? back
    if (name !== undefined) variables.set(name, quoted ?? bare)
  }
  return variables
}

function problemIn(line: number): string {
  return `.env cannot be read at line ${line}: write NAME=value, with quotes around a value that contains # or starts with a quote.`
}

function decoded(bytes: Uint8Array): string {
  const text = decode(bytes)
  if (text.includes('\0')) throw new Error(NOT_TEXT)
  return text
}

function decode(bytes: Uint8Array): string {
  const [first, second] = bytes
  try {
    if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le', { fatal: true }).decode(bytes)
    if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be', { fatal: true }).decode(bytes)
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Error(NOT_TEXT)
  }
}

const NOT_TEXT = '.env is not UTF-8 text. Save it as UTF-8.'

/** Adds the variables of `.env`, if there is one. Keeps those already set. Throws if a line is ambiguous. */
export function readDotEnv(): void {
  const found = statSync('.env', { throwIfNoEntry: false })
  if (found === undefined || found.isDirectory()) return
  for (const [name, value] of parseDotEnv(read())) {
    if ((process.env[name] ?? '').trim() === '') process.env[name] = value
  }
}

function read(): Uint8Array {
  try {
    return readFileSync('.env')
  } catch (error) {
    throw new Error(`Cannot read .env: ${errorText(error)}.`)
  }
}
