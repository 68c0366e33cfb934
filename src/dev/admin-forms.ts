import { DONE, REASON_WRONG } from '../features/admin/users/action.js'
import { ACTIONS } from '../features/admin/users/actions.js'
import { adminOf } from './admin-pages.js'
import type { FormPage } from './form-page.js'

export function adminForms(): FormPage[] {
  return Object.entries(ACTIONS).flatMap(([face, action]) =>
    SHOWN.includes(face)
      ? [
          {
            name: 'admin/users/action',
            face,
            around: (person) => ({
              ...{ user: adminOf(person), person: person.user, action, actions: [], hasMail: true },
            }),
            typed: ({ user, words }) => ({
              ...{ username: user.name, email: user.email },
              role: 'editor',
              reason: words,
            }),
            errors: [REASON_WRONG],
            success: { ...DONE, params: { action: action.title.sentence } },
          },
        ]
      : [],
  )
}

// The others look like these.
const SHOWN = ['rename', 'email', 'role', 'disable', 'enable']
