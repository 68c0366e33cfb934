import { appendFileSync, writeFileSync } from 'node:fs'
import { CSV_MARK, csvLine } from '../csv.js'
import { printable } from '../terminal.js'

export interface Refused {
  sourceId: string
  name: string
  email: string
  code: string
}

export interface Renamed {
  sourceId: string
  former: string
  name: string
}

export interface Lists {
  refuse(refused: readonly Refused[]): void
  rename(renamed: readonly Renamed[]): void
}

const PRIVATE = { mode: 0o600 }

export function refusedFile(file: string): string {
  return `${file}.refused.csv`
}

export function renamedFile(file: string): string {
  return `${file}.renamed.csv`
}

/** Each run begins the list of refused rows anew. The other goes on, because a row is imported once. */
export function createLists(file: string): Lists {
  writeFileSync(refusedFile(file), CSV_MARK + csvLine(['id', 'username', 'email', 'code']), PRIVATE)
  return {
    refuse: (refused) =>
      append(
        refusedFile(file),
        refused.map(({ sourceId, name, email, code }) => [sourceId, name, email, code]),
      ),
    rename: (renamed) =>
      append(
        renamedFile(file),
        renamed.map(({ sourceId, former, name }) => [sourceId, former, name]),
      ),
  }
}

function append(file: string, rows: readonly (readonly string[])[]): void {
  if (rows.length === 0) return
  appendFileSync(file, rows.map((cells) => csvLine(cells.map(printable))).join(''), PRIVATE)
}
