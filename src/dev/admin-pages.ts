import type { SignupMode } from '../accounts/registry.js'
import { DAY, HOUR } from '../base/durations.js'
import { chartOf } from '../features/admin/index.js'
import { ACTIONS } from '../features/admin/users/actions.js'
import { shownList } from '../features/admin/users.js'
import { DAY_KINDS, type DayCount, dayOf } from '../tables/days.js'
import { USER_STATES } from '../tables/users-list.js'
import type { PlainPage, Setting } from './exhibit.js'
import { eventsOf, littleStoredOf, type Person, peopleAt, storedOf } from './samples.js'

export function adminPages(setting: Setting): PlainPage[] {
  const { anna, long, rightToLeft } = peopleAt(setting.now)
  const states = USER_STATES.map((state, index) => ({ state, count: 10 ** index }))
  const charts = DAY_KINDS.map((kind) => chartOf(kind, countsUntil(setting.now), setting.now))
  const of = (person: Person) => ({ around: { user: adminOf(person), states, charts } })
  return [
    {
      template: 'admin/page.html',
      states: {
        empty: {
          around: { ...of(anna).around, charts: DAY_KINDS.map((kind) => chartOf(kind, [], setting.now)) },
        },
        full: of(anna),
        long: of(long),
        'right-to-left': of(rightToLeft),
      },
    },
    {
      template: 'admin/invitations/page.html',
      states: { open: invitations(anna, 'open'), closed: invitations(anna, 'closed') },
    },
    { template: 'admin/activity/page.html', states: activityStates(setting) },
    { template: 'admin/users/page.html', states: listStates(setting) },
    { template: 'admin/users/user/page.html', states: userStates(setting) },
  ]
}

function invitations(person: Person, signup: SignupMode) {
  return { around: { user: adminOf(person), signup, invitations: [], next: undefined } }
}

function countsUntil(now: number): DayCount[] {
  return DAY_KINDS.flatMap((kind, place) =>
    Array.from({ length: 30 }, (_, ago) => ({
      ...{ kind, day: dayOf(now - ago * DAY), count: (ago * 7 + place) % 11 ** (4 - place) },
    })),
  )
}

export function adminOf({ user }: Person) {
  return { ...user, roles: ['admin'] }
}

function activityStates({ now }: Setting): PlainPage['states'] {
  const { anna, long, rightToLeft } = peopleAt(now)
  const shown = (person: Person, kinds: readonly string[]) => ({
    around: {
      ...{ user: adminOf(anna), older: kinds[0] },
      actions: kinds.map((kind) => ({
        ...{ kind, about: null, reason: person.words, by: 'cli:users disable', byName: person.user.name },
        ...{ userId: person.user.id, userName: person.user.name, address: '192.0.2.1', at: now - HOUR },
      })),
    },
  })
  const kinds = ['account_disabled', 'account_erased', 'mail_resent', 'all_sessions_ended', 'user_invited']
  return {
    empty: shown(anna, []),
    full: shown(anna, kinds),
    long: shown(long, kinds),
    'right-to-left': shown(rightToLeft, kinds),
  }
}

function listStates(setting: Setting): PlainPage['states'] {
  const { now } = setting
  const { anna, long, rightToLeft } = peopleAt(now)
  const asked = { q: '', state: undefined, role: undefined, inside: false, after: '' }
  const shown = (people: readonly Person[], next: string | null = null, more = {}) => {
    const users = people.map(({ user }, index) => ({
      ...{ ...user, closedAt: index === 1 ? now : null, disabledAt: index === 2 ? now : null },
      ...{ roles: index === 3 ? ['admin', 'editor'] : [], lastLoginAt: index === 1 ? null : now - HOUR },
    }))
    return { around: { user: adminOf(anna), ...shownList(setting, { ...asked, ...more }, { users, next }) } }
  }
  return {
    empty: shown([], null, { q: 'nobody' }),
    full: shown([anna, anna, anna, anna], 'anna'),
    filtered: shown([anna], null, { state: 'disabled' }),
    long: shown([long]),
    'right-to-left': shown([rightToLeft]),
  }
}

function userStates({ now }: Setting): PlainPage['states'] {
  const { anna, long, rightToLeft } = peopleAt(now)
  const actions = Object.values(ACTIONS).map(({ title }) => ({ title, href: '#main' }))
  const shown = (person: Person, more: object = {}) => {
    const stored = storedOf(person, now)
    const events = eventsOf(person, now)
    return {
      around: { user: adminOf(anna), person: stored.account, actions, stored, events, isAll: true, ...more },
    }
  }
  const little = littleStoredOf(anna, now - DAY)
  return {
    empty: shown(anna, { person: little.account, stored: little, events: [] }),
    full: shown(anna),
    long: shown(long),
    'right-to-left': shown(rightToLeft),
  }
}
