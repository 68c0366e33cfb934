/** What a file begins with, by which Excel knows that it is UTF-8 (otherwise it reads an old 8-bit code page). */
export const CSV_MARK = '\uFEFF'

/** Returns a line of comma-separated values (RFC 4180) in which no spreadsheet finds a formula, whatever separator it assumes. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map((cell) => quoted(harmless(cell))).join(',')}\r\n`
}

// OWASP, CSV Injection. Excel splits at the list separator of its country, and an import dialog at any of these, so a formula
// may also begin inside a cell. Full-width and small forms of the signs count for some programs, too.
const FORMULA = /(^|[\s,;|:^~])([\s"']*)(?=[=+\-@\uFE62\uFE63\uFE66\uFE6B\uFF0B\uFF0D\uFF1D\uFF20])/g

function harmless(cell: string): string {
  return cell.replace(/^(?=[\t\r\n])/, "'").replaceAll(FORMULA, "$1$2'")
}

function quoted(cell: string): string {
  return /[",;\t\r\n']/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell
}
