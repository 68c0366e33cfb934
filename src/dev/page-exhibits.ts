import { REOPEN_LIFE } from '../accounts/mail-kinds.js'
import { DAY } from '../base/durations.js'
import { CLOSED } from '../features/signup.js'
import { publicPageOf } from '../features/users.js'
import { LOG_IN, LOGIN_NEEDED } from '../visitor/guards.js'
import { LOGGED_IN } from '../visitor/welcome.js'
import { UNEXPECTED } from '../web/error-pages.js'
import type { Message } from '../web/form.js'
import type { Link } from '../web/notices.js'
import { METHOD_WRONG, PAGE_UNKNOWN } from '../web/refusal.js'
import { adminPages } from './admin-pages.js'
import { type Exhibit, exhibitStates, LIMITED, type PlainPage, type Setting } from './exhibit.js'
import { eventsOf, littleStoredOf, type Person, peopleAt, storedOf, TOKEN } from './samples.js'

export function pageExhibits(setting: Setting): Exhibit[] {
  return pages(setting).flatMap(pageStates)
}

function pages(setting: Setting): PlainPage[] {
  const { now } = setting
  const { anna, long, rightToLeft } = peopleAt(now)
  const unconfirmed = { ...anna.user, emailConfirmedAt: null, nextEmail: anna.nextEmail }
  const ofUser = { empty: around(anna), long: around(long), 'right-to-left': around(rightToLeft) }
  return [
    {
      template: 'home/page.html',
      states: {
        ...ofUser,
        empty: { around: { user: undefined } },
        user: around(anna),
        unconfirmed: { around: { user: unconfirmed } },
        success: { ...around(anna), notice: { message: LOGGED_IN } },
        'second-ends': { around: { user: anna.user, secondEndsAt: now + DAY } },
      },
    },
    { template: 'members/page.html', states: ofUser },
    { template: 'account/page.html', states: { ...ofUser, ...settingsStates(setting) } },
    {
      template: 'signup/invitation/page.html',
      states: { empty: { around: {} }, long: { around: { isGone: true } }, 'right-to-left': { around: {} } },
    },
    { template: 'email/confirm/deny/done.html', states: deniedStates(setting) },
    {
      template: 'users/page.html',
      states: { empty: publicPage(anna), long: publicPage(long), 'right-to-left': publicPage(rightToLeft) },
    },
    { template: 'account/activity/page.html', states: activityStates(setting) },
    { template: 'account/export/page.html', states: exportStates(setting) },
    { template: 'problem/page.html', states: problemStates(setting) },
    ...adminPages(setting),
    { template: 'dev/mailbox/page.html', states: mailboxStates(setting) },
    { template: 'dev/mailbox/mail.html', states: caughtStates(setting) },
    { template: 'dev/gallery/page.html', states: galleryStates() },
  ]
}

function settingsStates({ now }: Setting): PlainPage['states'] {
  const { anna, long } = peopleAt(now)
  const unconfirmed = (person: Person) => ({
    ...person.user,
    emailConfirmedAt: null,
    nextEmail: person.nextEmail,
  })
  return {
    unconfirmed: { around: { user: unconfirmed(anna) } },
    grace: { around: { user: unconfirmed(anna), confirmationAt: now + 7 * DAY } },
    'few-codes': { around: { user: anna.user, fewCodes: 2 } },
    'second-ends': {
      form: { name: 'account', fields: [], secret: [] },
      around: { user: anna.user, secondEndsAt: now + DAY },
    },
    'long-unconfirmed': { around: { user: unconfirmed(long) } },
  }
}

function deniedStates({ now }: Setting): PlainPage['states'] {
  const { long, rightToLeft } = peopleAt(now)
  return {
    empty: { around: { state: 'gone' } },
    closed: { around: { state: 'closed', life: REOPEN_LIFE } },
    long: { around: { user: long.user, state: 'closed', life: REOPEN_LIFE } },
    'right-to-left': { around: { user: rightToLeft.user, state: 'gone' } },
  }
}

function around({ user }: Person): { around: { user: Person['user'] } } {
  return { around: { user } }
}

function publicPage({ user }: Person) {
  return { around: { user: undefined, ...publicPageOf(user) } }
}

function activityStates({ now, lifetimes }: Setting): PlainPage['states'] {
  const { anna, long, rightToLeft } = peopleAt(now)
  const kept = lifetimes.events
  const shown = (person: Person, more: object = {}) => ({
    around: {
      ...{ user: person.user, events: eventsOf(person, now), older: undefined, isNewest: true, kept },
      ...more,
    },
  })
  return {
    empty: shown(anna, { events: [], isNewest: false }),
    newest: shown(anna, { older: '9' }),
    middle: shown(anna, { older: '9', isNewest: false }),
    all: shown(anna),
    long: shown(long),
    'right-to-left': shown(rightToLeft),
  }
}

function exportStates({ now }: Setting): PlainPage['states'] {
  const { anna, long, rightToLeft } = peopleAt(now)
  const shown = (person: Person, more: object = {}) => ({
    around: {
      ...{ user: person.user, stored: storedOf(person, now), events: eventsOf(person, now), isAll: true },
      ...more,
    },
  })
  return {
    empty: shown(anna, { stored: littleStoredOf(anna, now), events: [] }),
    full: shown(anna, { isAll: false }),
    long: shown(long),
    'right-to-left': shown(rightToLeft),
  }
}

function problemStates({ now, url }: Setting): PlainPage['states'] {
  const { anna, long, rightToLeft } = peopleAt(now)
  const problem = (status: number, error: Message, more: object = {}, link?: Link) => ({
    errors: [{ ...error, ...(link && { link }) }],
    around: { user: undefined, status, detail: undefined, back: undefined, ...more },
  })
  const unknown = PAGE_UNKNOWN
  const unexpected = { ...UNEXPECTED, params: { reference: 'a1b2c3d4e5f6' } }
  const loggedOut = LOGIN_NEEDED
  const logIn = { href: url('login'), message: LOG_IN }
  return {
    404: problem(404, unknown),
    403: problem(403, loggedOut, {}, logIn),
    'signup-closed': problem(403, CLOSED, {}, logIn),
    405: problem(405, METHOD_WRONG, { back: url('signup') }),
    429: problem(429, LIMITED),
    500: problem(500, unexpected),
    '500-development': problem(500, unexpected, { detail: `(login/page.html) [Line 3]: ${'x'.repeat(200)}` }),
    long: problem(404, unknown, { user: long.user }),
    'right-to-left': problem(404, unknown, { user: rightToLeft.user }),
    user: problem(404, unknown, { user: anna.user }),
  }
}

function mailboxStates({ now }: Setting): PlainPage['states'] {
  const { anna, long, rightToLeft } = peopleAt(now)
  const shown = (people: readonly Person[], problems: readonly object[] = []) => ({
    around: { user: undefined, mails: people.map((person) => caught(person, now)), problems },
  })
  const problem = { kind: 'email-confirm', problem: `(mail/email-confirm.txt) [Line 3]: ${'x'.repeat(200)}` }
  return {
    empty: shown([]),
    full: shown([anna, anna, anna]),
    errors: shown([anna], [problem]),
    long: shown([long]),
    'right-to-left': shown([rightToLeft]),
  }
}

function caughtStates({ now }: Setting): PlainPage['states'] {
  const { anna, long, rightToLeft } = peopleAt(now)
  const shown = (person: Person) => ({
    around: {
      user: undefined,
      mail: caught(person, now),
      lines: [
        { text: `Hello ${person.user.name}.` },
        { text: '' },
        { text: `http://localhost/email/confirm/link/${TOKEN}/`, href: `/email/confirm/link/${TOKEN}/` },
      ],
    },
  })
  return { empty: shown(anna), long: shown(long), 'right-to-left': shown(rightToLeft) }
}

function caught({ user }: Person, now: number) {
  return { id: 'made-up', to: user.email, subject: `Hello ${user.name}`, date: now }
}

function galleryStates(): PlainPage['states'] {
  const states = ['empty', 'errors', 'right-to-left'].map((state) => ({ state, href: '#main' }))
  return {
    empty: { around: { user: undefined, pages: [] } },
    full: { around: { user: undefined, pages: [{ page: 'login', states }] } },
  }
}

function pageStates({ template, states }: PlainPage): Exhibit[] {
  const name = template.replace(/(?:\/page)?\.html$/, '')
  const samples = Object.entries(states).map(([state, sample]) => [state, { template, ...sample }])
  return exhibitStates(name, undefined, Object.fromEntries(samples))
}
