/** A line of comma-separated values (RFC 4180), whose cells no spreadsheet takes for a formula. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map((cell) => quoted(harmless(cell))).join(',')}\r\n`
}

// OWASP, CSV Injection: also in full width, which some spreadsheets take for the same.
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/

function harmless(cell: string): string {
  return FORMULA.test(cell) ? `'${cell}` : cell
}

function quoted(cell: string): string {
  return /[",\r\n']/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell
}
