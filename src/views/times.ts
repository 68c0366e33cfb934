import { DAY, HOUR, MINUTE, SECOND } from '../base/durations.js'
import { once } from '../base/once.js'

/** Times and lengths of time as one language says them. */
export interface Times {
  /** How long one has to wait: `in 4 minutes`. Never shorter than it is. */
  until(milliseconds: number): string
  /** How long ago it was: `now`, `3 minutes ago`, `yesterday`. */
  ago(milliseconds: number): string
  /** How long something lasts: `1 year`, `30 days`. Never longer than it does. */
  lasting(milliseconds: number): string
  /** The day: `January 1, 2026`. */
  day(date: Date): string
  /** The exact time, with its zone. */
  exactly(date: Date): string
}

/** Each is made once for a language, when it is needed first: that takes longer than a page. */
export function timesIn(language: string): Times {
  const relative = once(() => new Intl.RelativeTimeFormat(language, { numeric: 'always' }))
  const casual = once(() => new Intl.RelativeTimeFormat(language, { numeric: 'auto' }))
  const day = once(() => new Intl.DateTimeFormat(language, { dateStyle: 'long', timeZone: 'UTC' }))
  const exact = once(
    () => new Intl.DateTimeFormat(language, { dateStyle: 'long', timeStyle: 'long', timeZone: 'UTC' }),
  )
  const shortest = { unit: inUnits(language, 'second'), length: SECOND }
  /** A length is said in the longest of these of which it is a multiple. */
  const lengths = [
    { unit: inUnits(language, 'year'), length: 365 * DAY },
    { unit: inUnits(language, 'day'), length: DAY },
    { unit: inUnits(language, 'hour'), length: HOUR },
    { unit: inUnits(language, 'minute'), length: MINUTE },
  ]
  return {
    until(milliseconds) {
      if (milliseconds < MINUTE)
        return relative().format(Math.max(1, Math.ceil(milliseconds / SECOND)), 'second')
      if (milliseconds < 2 * HOUR) return relative().format(Math.ceil(milliseconds / MINUTE), 'minute')
      if (milliseconds < 2 * DAY) return relative().format(Math.ceil(milliseconds / HOUR), 'hour')
      return relative().format(Math.ceil(milliseconds / DAY), 'day')
    },
    ago(milliseconds) {
      if (milliseconds < MINUTE) return casual().format(0, 'second')
      if (milliseconds < HOUR) return casual().format(-Math.floor(milliseconds / MINUTE), 'minute')
      if (milliseconds < DAY) return casual().format(-Math.floor(milliseconds / HOUR), 'hour')
      return casual().format(-Math.floor(milliseconds / DAY), 'day')
    },
    lasting(milliseconds) {
      const isMultiple = ({ length }: { length: number }) =>
        milliseconds >= length && milliseconds % length === 0
      const { unit, length } = lengths.find(isMultiple) ?? shortest
      return unit().format(Math.floor(milliseconds / length))
    },
    day: (date) => day().format(date),
    exactly: (date) => exact().format(date),
  }
}

function inUnits(language: string, unit: string): () => Intl.NumberFormat {
  return once(() => new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }))
}
