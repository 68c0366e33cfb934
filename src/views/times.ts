import { DAY, HOUR, MINUTE, SECOND } from '../base/durations.js'
import { once } from '../base/once.js'

export interface Times {
  /** `in 4 minutes`, rounded up. */
  until(milliseconds: number): string
  /** `now`, `3 minutes ago`, `yesterday`. */
  ago(milliseconds: number): string
  /** `1 year`, `30 days`, rounded down. */
  lasting(milliseconds: number): string
  day(date: Date): string
  exactly(date: Date): string
}

// Formatters are created on first use, because creating one takes longer than a page.
export function timesIn(language: string): Times {
  const relative = once(() => new Intl.RelativeTimeFormat(language, { numeric: 'always' }))
  const casual = once(() => new Intl.RelativeTimeFormat(language, { numeric: 'auto' }))
  const day = once(() => new Intl.DateTimeFormat(language, { dateStyle: 'long', timeZone: 'UTC' }))
  const exact = once(
    () => new Intl.DateTimeFormat(language, { dateStyle: 'long', timeStyle: 'long', timeZone: 'UTC' }),
  )
  const shortest = { unit: inUnits(language, 'second'), length: SECOND }
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
