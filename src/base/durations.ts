const UNITS = { s: 1000, m: 60 * 1000, h: 60 * 60 * 1000, d: 24 * 60 * 60 * 1000 } as const

export const SECOND = UNITS.s
export const MINUTE = UNITS.m
export const HOUR = UNITS.h
export const DAY = UNITS.d

const MAX = 10_000 * DAY

export function parseDuration(text: string): number | undefined {
  const [, count = '', unit = ''] = /^([1-9]\d{0,7})([smhd])$/.exec(text.trim()) ?? []
  const duration = isUnit(unit) ? Number(count) * UNITS[unit] : Number.NaN
  return duration <= MAX ? duration : undefined
}

function isUnit(unit: string): unit is keyof typeof UNITS {
  return unit in UNITS
}
