import { DAY, HOUR, MINUTE, SECOND } from './durations.js'

const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'always' })
const CASUAL = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
const LONG_DAY = new Intl.DateTimeFormat('en', { dateStyle: 'long', timeZone: 'UTC' })
const EXACT = new Intl.DateTimeFormat('en', { dateStyle: 'long', timeStyle: 'long', timeZone: 'UTC' })

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

/** The day: `January 1, 2026`. */
export function dayInWords(date: Date): string {
  return LONG_DAY.format(date)
}

/** The exact time, with its zone. */
export function exactly(date: Date): string {
  return EXACT.format(date)
}
