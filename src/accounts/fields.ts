import { fold } from '../base/fold.js'
import { emailKeyOf } from './email-keys.js'
import { nameKeyOf } from './username-rules.js'

export { fold } from '../base/fold.js'
export * from './device-name-rules.js'
export { emailKeyOf, emailPartKeyOf, normalizeEmail } from './email-keys.js'
export * from './email-rules.js'
export { check, type Field } from './field.js'
export * from './password-rules.js'
export * from './username-rules.js'

/** Returns what a password must not be made of. */
export function ownTextsOf({ name, email }: Called): string[] {
  return email === null ? [name] : [name, email]
}

/** Returns the keys of what a user may type to log in. */
export function loginKeysOf({ name, email }: Called): string[] {
  return email === null ? [nameKeyOf(name)] : [nameKeyOf(name), emailKeyOf(email)]
}

interface Called {
  name: string
  email: string | null
}

export function loginKeyOf(typed: string): string {
  return fold(typed).includes('@') ? emailKeyOf(typed) : nameKeyOf(typed)
}
