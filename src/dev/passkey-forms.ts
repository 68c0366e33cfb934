import { PASSKEY_WRONG } from '../accounts/passkey-proof.js'
import { PASSKEY_EXISTS } from '../accounts/passkeys.js'
import { ADDED } from '../features/account/passkeys.js'
import type { FormPage } from './form-page.js'
import { type Person, passkeysOf } from './samples.js'

export function passkeyForms(now: number): FormPage[] {
  const variants = {
    none: { count: 0, around: { creation: '{}', isRecent: true } },
    some: { count: 3, around: { creation: '{}', isRecent: false } },
    local: { count: 0, around: { localUrl: 'http://localhost:3000/account/passkeys/' } },
    nowhere: { count: 1, around: {} },
  }
  const signup: FormPage = {
    name: 'signup/passkey',
    around: ({ user }) => ({ name: user.name, creation: '{}' }),
    typed: () => ({}),
    errors: [PASSKEY_WRONG],
    success: ADDED,
  }
  const own = Object.entries(variants).map(([variant, { count, around }]) => ({
    name: 'account/passkeys',
    variant,
    isUsers: true,
    around: (person: Person) => ({ ...around, passkeys: passkeysOf(person, now).slice(0, count) }),
    typed: () => ({}),
    errors: [PASSKEY_EXISTS],
    success: ADDED,
  }))
  return [...own, signup]
}
