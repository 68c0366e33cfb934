import { DAY, HOUR, MINUTE, SECOND } from './durations.js'

const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'always' })
const CASUAL = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
const LONG_DAY = new Intl.DateTimeFormat('en', { dateStyle: 'long', timeZone: 'UTC' })
const EXACT = new Intl.DateTimeFormat('en', { dateStyle: 'long', timeStyle: 'long', timeZone: 'UTC' })

const inUnits = (unit: string) => new Intl.NumberFormat('en', { style: 'unit', unit, unitDisplay: 'long' })
const SHORTEST = [inUnits('second'), SECOND] as const
/** A length is said in the longest of these of which it is a multiple. */
const LENGTHS = [
  [inUnits('year'), 365 * DAY],
  [inUnits('day'), DAY],
  [inUnits('hour'), HOUR],
  [inUnits('minute'), MINUTE],
] as const

/** How long one has to wait: `in 4 minutes`. Never shorter than it is. */
export function inWords(milliseconds: number): string {
  if (milliseconds < MINUTE) return RELATIVE.format(Math.max(1, Math.ceil(milliseconds / SECOND)), 'second')
  if (milliseconds < 2 * HOUR) return RELATIVE.format(Math.ceil(milliseconds / MINUTE), 'minute')
  if (milliseconds < 2 * DAY) return RELATIVE.format(Math.ceil(milliseconds / HOUR), 'hour')
  return RELATIVE.format(Math.ceil(milliseconds / DAY), 'day')
}

/** How long ago it was: `now`, `3 minutes ago`, `yesterday`. */
export function agoInWords(milliseconds: number): string {
  if (milliseconds < MINUTE) return CASUAL.format(0, 'second')
  if (milliseconds < HOUR) return CASUAL.format(-Math.floor(milliseconds / MINUTE), 'minute')
  if (milliseconds < DAY) return CASUAL.format(-Math.floor(milliseconds / HOUR), 'hour')
  return CASUAL.format(-Math.floor(milliseconds / DAY), 'day')
}

/** How long something lasts: `1 year`, `30 days`. Never longer than it does. */
export function lengthInWords(milliseconds: number): string {
  const [unit, length] =
    LENGTHS.find(([, length]) => milliseconds >= length && milliseconds % length === 0) ?? SHORTEST
  return unit.format(Math.floor(milliseconds / length))
}

/** The day: `January 1, 2026`. */
export function dayInWords(date: Date): string {
  return LONG_DAY.format(date)
}

/** The exact time, with its zone. */
export function exactly(date: Date): string {
  return EXACT.format(date)
}
