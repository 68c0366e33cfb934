import { EMAIL_TAKEN } from '../accounts/fields.js'
import { INVITATION_LIFE } from '../accounts/mail-kinds.js'
import { HOUR } from '../base/durations.js'
import { INVITED } from '../features/admin/invitations.js'
import { AGAIN } from '../features/admin/mails.js'
import { DONE, REASON_WRONG } from '../features/admin/users/action.js'
import { ACTIONS } from '../features/admin/users/actions.js'
import { adminOf } from './admin-pages.js'
import type { FormPage } from './form-page.js'

export function adminForms(now: number): FormPage[] {
  return [mailsPage(now), invitationsPage(now), ...actionPages()]
}

function mailsPage(now: number): FormPage {
  return {
    name: 'admin/mails',
    around: (person) => ({
      user: adminOf(person),
      mails: ['waiting', 'failed'].map((state) => ({
        ...{ id: state, kind: 'email-confirm', state, tries: 3, dueAt: now, to: person.user.email },
        problem: state === 'failed' ? '550 No such mailbox' : '',
      })),
    }),
    typed: () => ({}),
    errors: [],
    success: AGAIN,
  }
}

function invitationsPage(now: number): FormPage {
  return {
    name: 'admin/invitations',
    around: (person) => ({
      ...{ user: adminOf(person), signup: 'invited', next: '#main' },
      invitations: ['admin:made-up', 'cli:users invite'].map((invitedBy, index) => ({
        ...{ email: person.nextEmail, invitedBy, byName: index === 0 ? person.user.name : null },
        ...{ createdAt: now - HOUR, expiresAt: now + INVITATION_LIFE },
      })),
    }),
    typed: ({ user }) => ({ email: user.email }),
    errors: [EMAIL_TAKEN],
    success: { ...INVITED, params: { email: 'anna@example.org' } },
  }
}

function actionPages(): FormPage[] {
  return Object.entries(ACTIONS).flatMap(([variant, action]) =>
    SHOWN.includes(variant)
      ? [
          {
            name: 'admin/users/action',
            variant,
            around: (person) => ({
              ...{ user: adminOf(person), person: person.user, action, actions: [], hasMail: true },
            }),
            typed: ({ user, words }) => ({
              ...{ username: user.name, email: user.email },
              role: 'editor',
              reason: words,
            }),
            errors: [REASON_WRONG],
            success: { ...DONE, params: { action: 'made-up-action' } },
          },
        ]
      : [],
  )
}

// The other actions look like these.
const SHOWN = ['rename', 'email', 'role', 'disable', 'enable']
