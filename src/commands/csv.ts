// Byte order mark. Without it Excel reads an 8-bit code page instead of UTF-8.
export const CSV_MARK = '\uFEFF'

/** Returns a line (RFC 4180) without formulas, whatever separator the spreadsheet assumes. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map((cell) => quoted(harmless(cell))).join(',')}\r\n`
}

// OWASP, CSV Injection. Programs split at any of these separators, so a formula may begin inside a cell. Some also accept
// full-width and small forms of these characters.
const FORMULA = /(^|[\s,;|:^~])([\s"']*)(?=[=+\-@\uFE62\uFE63\uFE66\uFE6B\uFF0B\uFF0D\uFF1D\uFF20])/g

function harmless(cell: string): string {
  return cell.replace(/^(?=[\t\r\n])/, "'").replaceAll(FORMULA, "$1$2'")
}

function quoted(cell: string): string {
  return /[",;\t\r\n']/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell
}
