import { recordOf, type SourceRecord } from './records.js'

/** Returns the first of these fields that is not empty, trimmed, or ''. */
export function text(record: SourceRecord, ...names: readonly string[]): string {
  for (const name of names) {
    const value = record?.[name]
    if (typeof value === 'number' || typeof value === 'boolean') return String(value)
    if (typeof value === 'string' && value.trim() !== '') return value.trim()
  }
  return ''
}

export function nested(record: SourceRecord, name: string): SourceRecord {
  const value = record?.[name]
  return typeof value === 'string' ? parsed(value) : recordOf(value)
}

function parsed(json: string): SourceRecord {
  try {
    return recordOf(JSON.parse(json))
  } catch {
    return undefined
  }
}

const MYSQL_NO_TIME = '0000-00-00'

const NO = new Set(['', '0', 'f', 'false', 'n', 'no', 'null', '\\n'])

export function isYes(record: SourceRecord, ...names: readonly string[]): boolean {
  const value = text(record, ...names).toLowerCase()
  return !NO.has(value) && !value.startsWith(MYSQL_NO_TIME)
}

/** Returns UTC milliseconds. A time without a zone is UTC. Undefined if it is no time or in the future. */
export function time(record: SourceRecord, ...names: readonly string[]): number | undefined {
  const value = text(record, ...names)
  const at = /^\d{12,14}$/.test(value) ? Number(value) : Date.parse(zoned(value))
  return at > 0 && at <= Date.now() ? at : undefined
}

function zoned(value: string): string {
  const iso = value.replace(/^(\d{4}-\d\d-\d\d) (?=\d)/, '$1T').replace(/(:[\d.]+[+-]\d\d)$/, '$1:00')
  return /^\d{4}-\d\d-\d\dT[\d:.]+$/.test(iso) ? `${iso}Z` : iso
}
