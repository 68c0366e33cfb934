import { PASSKEY_EXISTS } from '../accounts/passkeys.js'
import { ADDED } from '../features/account/passkeys.js'
import type { FormPage } from './form-page.js'
import { passkeysOf } from './samples.js'

export function passkeyForms(now: number): FormPage[] {
  const faces = {
    none: { count: 0, around: { creation: '{}', isRecent: true } },
    some: { count: 3, around: { creation: '{}', isRecent: false } },
    local: { count: 0, around: { localUrl: 'http://localhost:3000/account/passkeys/' } },
    nowhere: { count: 1, around: {} },
  }
  return Object.entries(faces).map(([face, { count, around }]) => ({
    name: 'account/passkeys',
    face,
    isUsers: true,
    around: (person) => ({ ...around, passkeys: passkeysOf(person, now).slice(0, count) }),
    typed: () => ({}),
    errors: [PASSKEY_EXISTS],
    success: ADDED,
  }))
}
