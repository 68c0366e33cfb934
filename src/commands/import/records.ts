import { closeSync, createReadStream, openSync, type ReadStream, readSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { JSONParser } from '@streamparser/json'
import { parse } from 'csv-parse'
import { errorText } from '../../base/error-text.js'

export type SourceRecord = Readonly<Record<string, unknown>> | undefined

export interface Records {
  records: AsyncGenerator<SourceRecord>
  bytesRead(): number
}

/** Reads CSV with a header, a JSON array, the `users` of a JSON object, or one JSON object a line. The first character says which. */
export function recordsOf(file: string, { isUsersObject }: { isUsersObject: boolean }): Records {
  const first = firstCharacterOf(file)
  const stream = createReadStream(file)
  return { records: read(stream, { first, isUsersObject }), bytesRead: () => stream.bytesRead }
}

function firstCharacterOf(file: string): string {
  const opened = openSync(file, 'r')
  try {
    const bytes = Buffer.alloc(256)
    const length = readSync(opened, bytes)
    return bytes
      .toString('utf8', 0, length)
      .replace(/^\uFEFF/, '')
      .trimStart()
      .slice(0, 1)
  } finally {
    closeSync(opened)
  }
}

function read(
  stream: ReadStream,
  { first, isUsersObject }: { first: string; isUsersObject: boolean },
): AsyncGenerator<SourceRecord> {
  if (first === '[') return elementsOf(stream, '$.*')
  if (first !== '{') return rowsOf(stream)
  return isUsersObject ? elementsOf(stream, '$.users.*') : linesOf(stream)
}

async function* rowsOf(stream: ReadStream): AsyncGenerator<SourceRecord> {
  const columns = (header: string[]) => header.map((name) => name.trim().toLowerCase())
  const rows = stream.pipe(parse({ columns, bom: true, relax_column_count: true, skip_empty_lines: true }))
  stream.on('error', (error) => rows.destroy(error))
  for await (const row of rows) yield recordOf(row)
}

async function* linesOf(stream: ReadStream): AsyncGenerator<SourceRecord> {
  for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line.trim() !== '') yield parsedLine(line)
  }
}

function parsedLine(line: string): SourceRecord {
  try {
    return recordOf(JSON.parse(line.replace(/^\uFEFF/, '')))
  } catch {
    return undefined
  }
}

async function* elementsOf(stream: ReadStream, path: string): AsyncGenerator<SourceRecord> {
  const parser = new JSONParser({ paths: [path], keepStack: false })
  const found: SourceRecord[] = []
  parser.onValue = ({ value }) => void found.push(recordOf(value))
  for await (const chunk of stream) {
    try {
      parser.write(chunk)
    } catch (error) {
      throw new Error(`The file is not JSON: ${errorText(error)}`)
    }
    yield* found.splice(0)
  }
}

export function recordOf(value: unknown): SourceRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : undefined
}
