import * as fields from './fields.js'

const OTHER_CHARACTERS = /[^\p{L}\p{Mn}\p{Mc}\p{Nd} ._-]+/gu
const LONGEST = 20

/** Returns a name that the rules allow. Usernames are public, so an email address becomes none. */
export function importedName(wanted: string): string {
  if (/[@\uFE6B\uFF20]/.test(wanted)) return withRandomNumber('user')
  const name = fields.normalizeName(wanted)
  if (isAllowed(name)) return name
  const letters = [...name.replaceAll(OTHER_CHARACTERS, ' ')].slice(0, LONGEST).join('')
  const cleaned = fields.normalizeName(letters.replaceAll(/ +/g, ' '))
  return isAllowed(cleaned) ? cleaned : withRandomNumber('user')
}

function isAllowed(name: string): boolean {
  return fields.check(fields.username, name).length === 0
}

/** For a name that is taken. Random, because counting up would take a query for each number. */
export function withRandomNumber(name: string): string {
  return fields.withNumber(name, 10_000 + Math.floor(Math.random() * 90_000))
}
