import { appendFileSync, existsSync, rmSync } from 'node:fs'
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

/** Each run replaces the list of refused rows. It adds to the other one, because a row is imported only once. */
export function createLists(file: string): Lists {
  rmSync(refusedFile(file), { force: true })
  return {
    refuse: (refused) =>
      append(
        refusedFile(file),
        ['id', 'username', 'email', 'code'],
        refused.map(({ sourceId, name, email, code }) => [sourceId, name, email, code]),
      ),
    rename: (renamed) =>
      append(
        renamedFile(file),
        ['id', 'former username', 'username'],
        renamed.map(({ sourceId, former, name }) => [sourceId, former, name]),
      ),
  }
}

function append(file: string, header: readonly string[], rows: readonly (readonly string[])[]): void {
  if (rows.length === 0) return
  const begin = existsSync(file) ? '' : CSV_MARK + csvLine(header)
  appendFileSync(file, begin + rows.map((cells) => csvLine(cells.map(printable))).join(''), PRIVATE)
}
