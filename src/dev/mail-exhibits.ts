import type { PreparedMail } from '../accounts/mail-content.js'
import { INVITATION_LIFE, KINDS } from '../accounts/mail-kinds.js'
import { DAY, HOUR } from '../base/durations.js'
import type { Facts, OwnMailKind } from '../mail/outbox.js'
import type { Exhibit, Setting } from './exhibit.js'
import { type Person, peopleAt, TOKEN } from './samples.js'

export function mailExhibits({ now }: Setting): Exhibit[] {
  const { anna, long, rightToLeft } = peopleAt(now)
  const states: [state: string, person: Person, isConfirmed: boolean][] = [
    ['', anna, true],
    ['unconfirmed-', anna, false],
    ['long-', long, true],
    ['right-to-left-', rightToLeft, true],
  ]
  return states.flatMap(([state, person, isConfirmed]) =>
    lettersTo(person, now, isConfirmed).flatMap((letter) =>
      (['html', 'text'] as const).map((as) => ({
        page: `mail-${letter.kind}`,
        state: `${state}${as}`,
        letter,
        as,
      })),
    ),
  )
}

// Sent only to addresses that are unconfirmed or no longer belong to the account.
const NAMELESS: readonly OwnMailKind[] = [
  ...(['email-confirm', 'email-change', 'email-corrected', 'email-undone', 'invitation'] as const),
]

function lettersTo(person: Person, now: number, isConfirmed: boolean): PreparedMail[] {
  const { user } = person
  const facts = factsFor(person, now)
  return mailKinds(facts).map((kind) => {
    const name = isConfirmed && !NAMELESS.includes(kind) ? user.name : ''
    const letter = { kind, facts: facts[kind], prepared: { to: user.email, name, code: '12345678' } }
    const hasToken = KINDS[kind].token !== undefined || kind === 'invitation'
    return hasToken ? { ...letter, prepared: { ...letter.prepared, token: TOKEN } } : letter
  })
}

function factsFor({ user, nextEmail }: Person, now: number): Record<OwnMailKind, Facts> {
  const at = now - HOUR
  const where: Facts = { to: user.email, at, browser: 'Firefox', system: 'Linux', address: '2001:db8::1' }
  const nowhere: Facts = { to: user.email, at, browser: '', system: '', address: '' }
  const ending = { ...where, endsAt: now + 3 * DAY }
  return {
    'email-confirm': {},
    'email-taken': {},
    'password-reset': {},
    'password-changed': { ...where, passkeys: 'stay' },
    'password-removed': where,
    'email-change': { email: nextEmail },
    'email-changed': { ...where, email: nextEmail },
    'email-corrected': {},
    'email-restored': where,
    'email-undone': where,
    'name-changed': { ...where, former: user.name, current: 'Anna' },
    'login-new-device': nowhere,
    'session-jumped': where,
    'login-failures': where,
    'account-closed': where,
    'second-on': where,
    'second-off': where,
    'app-added': where,
    'app-replaced': where,
    'recovery-made': where,
    'recovery-used': { ...where, left: 3 },
    'second-failed': where,
    'second-lost': { wait: 3 * DAY },
    'second-lost-asked': ending,
    'second-lost-soon': ending,
    'second-lost-canceled': where,
    'second-lost-done': where,
    'passkey-added': { ...where, passkey: 'iCloud Keychain' },
    'passkey-removed': { ...where, passkey: 'iCloud Keychain' },
    'passkey-copied': { ...where, passkey: '' },
    invitation: { email: user.email, token: TOKEN, lasts: INVITATION_LIFE },
  }
}

function mailKinds(facts: Record<OwnMailKind, Facts>): OwnMailKind[] {
  return Object.keys(facts).filter((kind): kind is OwnMailKind => kind in facts)
}
