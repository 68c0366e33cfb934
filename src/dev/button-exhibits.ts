import { REOPEN_LIFE } from '../accounts/mail-kinds.js'
import { LOST_WAIT } from '../accounts/registry.js'
import { PASSWORD_NEW } from '../accounts/second-lost.js'
import { DAY, HOUR } from '../base/durations.js'
import { FRAGMENT } from '../web/page.js'
import { type Exhibit, exhibitStates, formNamed, LIMITED, type Setting } from './exhibit.js'
import type { Sample } from './sample.js'
import { type Person, peopleAt } from './samples.js'

const REFUSED = { ...PASSWORD_NEW, params: { when: { milliseconds: DAY } } }

interface ButtonPage {
  name: string
  variant?: string
  isUsers?: boolean
  around?: (person: Person) => object
  hasFields?: true
}

export function buttonExhibits(setting: Setting): Exhibit[] {
  return buttons(setting).flatMap((page) => buttonStates(page, setting))
}

function buttons({ url, now }: Setting): ButtonPage[] {
  return [
    { name: 'logout', isUsers: true, hasFields: true },
    {
      name: 'account/close',
      isUsers: true,
      hasFields: true,
      around: () => ({ life: REOPEN_LIFE, hasMail: true }),
    },
    {
      name: 'account/close/undo',
      hasFields: true,
      around: ({ user }) => ({ account: { name: user.name, eraseAt: now + REOPEN_LIFE } }),
    },
    ...lostButtons(now),
    { name: 'account/email/undo', around: ({ user }) => ({ name: user.name, email: user.email }) },
    {
      name: 'email/confirm/deny',
      around: ({ user }) => ({ life: REOPEN_LIFE, name: user.name, email: user.email }),
    },
    { name: 'password/confirm/back', around: () => ({ page: url('signup'), typed: 'sealed' }) },
  ]
}

function lostButtons(now: number): ButtonPage[] {
  const name = 'login/two-step/lost'
  const variants = {
    ask: {},
    opened: { isOpened: true },
    waiting: { lost: { state: 'waiting', endsAt: now + DAY } },
    over: { lost: { state: 'over', endsAt: now - HOUR } },
    refused: { refusal: REFUSED },
  }
  return Object.entries(variants).map(([variant, around]) => ({
    name,
    variant,
    around: ({ user }) => ({ name: user.name, wait: LOST_WAIT, ...around }),
  }))
}

function buttonStates(
  { name, variant, isUsers, hasFields, around }: ButtonPage,
  { now }: Setting,
): Exhibit[] {
  const { anna, long, rightToLeft } = peopleAt(now)
  const isPage = name === 'password/confirm/back'
  const sample = ({ user, ...person }: Person, errors: Sample['errors'] = []): Sample => ({
    template: isPage ? `${name}.html` : `${name}/page.html`,
    ...(!isPage && { form: { ...formNamed(name), fields: [], oneButton: true } }),
    errors,
    around: { user: isUsers ? user : undefined, ...around?.({ user, ...person }) },
  })
  return exhibitStates(name, variant, {
    empty: sample(anna),
    limited: sample(anna, [LIMITED]),
    long: sample(long),
    'right-to-left': sample(rightToLeft),
    ...(hasFields && { 'htmx-limited': { ...sample(anna, [LIMITED]), template: FRAGMENT } }),
  })
}
