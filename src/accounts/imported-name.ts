import * as fields from './fields.js'

const OTHER_CHARACTERS = /[^\p{L}\p{Mn}\p{Mc}\p{Nd} ._-]+/gu
const LONGEST = 20

/** The name itself, or what it becomes by the rules of usernames. Usernames are public: none is made of an email address. */
export function importedName(wanted: string): string {
  if (/[@\uFE6B\uFF20]/.test(wanted)) return numbered('user')
  const name = fields.normalizeName(wanted)
  if (isAllowed(name)) return name
  const letters = [...name.replaceAll(OTHER_CHARACTERS, ' ')].slice(0, LONGEST).join('')
  const cleaned = fields.normalizeName(letters.replaceAll(/ +/g, ' '))
  return isAllowed(cleaned) ? cleaned : numbered('user')
}

function isAllowed(name: string): boolean {
  return fields.check(fields.username, name).length === 0
}

/** For a name that is taken. Random digits, because counting up would take a look at the database for each. */
export function numbered(name: string): string {
  return fields.withNumber(name, 10_000 + Math.floor(Math.random() * 90_000))
}
