import { slugOf } from '../accounts/fields.js'
import { DAY, HOUR, MINUTE } from '../base/durations.js'
import { type Actor, EVENT_KINDS, type EventKind, type StoredEvent } from '../tables/events.js'
import type * as sessions from '../tables/sessions.js'
import type { User } from '../tables/users.js'
import { type DevicePlace, type DeviceWords, devicePlaceOf, deviceWords } from '../web/user-agent.js'

export const TOKEN = 'made-up'.padEnd(43, '-made-up')

export interface Person {
  user: User & { email: string }
  nextEmail: string
  deviceName: string
  words: string
}

export interface People {
  anna: Person
  long: Person
  rightToLeft: Person
}

export function peopleAt(now: number): People {
  return {
    anna: person(now, {
      name: 'Anna',
      email: 'anna@example.com',
      nextEmail: 'anna@example.org',
      deviceName: 'Laptop',
      words: 'Buy bread',
    }),
    long: person(now, {
      name: 'W'.repeat(25),
      email: longAddress('W'),
      nextEmail: longAddress('M'),
      deviceName: 'W'.repeat(40),
      words: 'W'.repeat(200),
    }),
    rightToLeft: person(now, {
      name: 'ليلى الأحمد',
      email: 'ليلى@example.com',
      nextEmail: 'ليلى@example.org',
      deviceName: 'حاسوب البيت',
      words: 'خبز وحليب',
    }),
  }
}

function longAddress(letter: string): string {
  return `${letter.repeat(64)}@${[59, 59, 59].map((length) => letter.repeat(length)).join('.')}.example`
}

function person(
  now: number,
  { name, email, ...others }: Omit<Person, 'user'> & { name: string; email: string },
): Person {
  const slug = slugOf(name)
  return {
    user: {
      id: `made-up-${slug}`,
      name,
      slug,
      email,
      emailConfirmedAt: now - 9 * DAY,
      nextEmail: null,
      secondStepAt: null,
      secondEndsAt: null,
      roles: [],
      createdAt: now - 10 * DAY,
    },
    ...others,
  }
}

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1'
const IPV6 = '2001:db8:1234:5678:9abc:def0:1234:5678'

export interface MadeUpDevice extends sessions.Device {
  words: DeviceWords
  last: DevicePlace | undefined
  jump: DevicePlace | undefined
  number: number
  isThis: boolean
}

export function devicesOf({ deviceName }: Person, now: number): MadeUpDevice[] {
  return [
    device(now, { id: 'one', isThis: true }),
    device(now - HOUR, { id: 'two', userAgent: IPHONE, address: IPV6, ...JUMPED, jumpedAt: now - DAY }),
    device(now - DAY, { id: 'three', userAgent: IPHONE, number: 2 }),
    device(now - 2 * DAY, { id: 'four', name: deviceName }),
    device(now - 9 * DAY, { id: 'five', userAgent: '', address: '' }),
  ]
}

const JUMPED = {
  lastUserAgent: IPHONE,
  lastAddress: '198.51.100.7',
  jumpUserAgent: FIREFOX,
  jumpAddress: '203.0.113.9',
}

const NEVER_JUMPED = {
  lastUserAgent: null,
  lastAddress: null,
  jumpedAt: null,
  jumpUserAgent: null,
  jumpAddress: null,
}

function device(lastSeenAt: number, of: Partial<MadeUpDevice> & { id: string }): MadeUpDevice {
  const userAgent = of.userAgent ?? FIREFOX
  const places = { ...NEVER_JUMPED, ...of }
  return {
    kept: of.isThis ?? false,
    createdAt: lastSeenAt - 30 * DAY,
    lastSeenAt,
    authenticatedAt: lastSeenAt - MINUTE,
    secondAt: null,
    expiresAt: lastSeenAt + DAY,
    name: null,
    address: '192.0.2.1',
    number: 1,
    isThis: false,
    ...places,
    last: devicePlaceOf(places.lastUserAgent, places.lastAddress),
    jump: devicePlaceOf(places.jumpUserAgent, places.jumpAddress),
    userAgent,
    words: deviceWords(userAgent),
  }
}

export function passkeysOf({ deviceName }: Person, now: number) {
  const made = { createdAt: now - DAY, usedAt: now - HOUR, isBackedUp: true }
  return [
    { ...made, id: 'one', name: 'iCloud Keychain', authenticator: 'iCloud Keychain' },
    { ...made, id: 'two', name: deviceName, authenticator: '1Password' },
    { ...made, id: 'three', name: '', authenticator: undefined, isBackedUp: false, usedAt: null },
  ]
}

export function eventsOf(person: Person, now: number): (StoredEvent & { words: DeviceWords })[] {
  return EVENT_KINDS.map((kind, index) => {
    const userAgent = index % 3 === 0 ? IPHONE : index % 3 === 1 ? FIREFOX : ''
    const address = index % 2 === 0 ? IPV6 : ''
    const words = deviceWords(userAgent)
    const at = now - index * 7 * HOUR
    return {
      id: `${index}`,
      userId: person.user.id,
      kind,
      about: aboutOf(kind, person),
      by: actorOf(kind),
      at,
      userAgent,
      address,
      words,
    }
  })
}

function actorOf(kind: EventKind): Actor {
  if (kind === 'account_disabled') return 'cli:users disable'
  return kind === 'account_enabled' || kind === 'sessions_ended' ? 'system' : 'self'
}

function aboutOf(kind: EventKind, { user, nextEmail, deviceName }: Person): string | null {
  if (kind === 'name_changed') return `Former name → ${user.name}`
  if (kind.startsWith('device_') || kind.startsWith('passkey_')) return deviceName
  return kind.startsWith('email_') ? nextEmail : null
}

const PURPOSES = [
  ...['email-confirm', 'password-reset', 'email-change', 'email-undo', 'account-reopen', 'second-lost'],
]
const STATES = ['waiting', 'sent', 'failed']

export function storedOf(person: Person, now: number) {
  const { user, nextEmail } = person
  return {
    account: {
      ...user,
      ...{ emailConfirmedAt: null, nextEmail, secondStepAt: now - DAY, confirmBy: now + 7 * DAY },
      ...{ secondEndsAt: now + DAY, passwordAt: now - DAY, emailAt: now - 9 * DAY },
      ...{ updatedAt: now, closedAt: now, eraseAt: now + 14 * DAY, language: 'ru' },
    },
    slugs: [
      { slug: user.slug, until: null },
      { slug: 'former-name', until: now + 90 * DAY },
    ],
    sessions: devicesOf(person, now),
    tokens: tokensOf(person, now),
    authenticator_apps: [{ createdAt: now - DAY, usedAt: now - HOUR }],
    recovery_sets: [{ madeAt: now - DAY }],
    recovery_codes: [{ usedAt: now - HOUR }, { usedAt: null }],
    operator_actions: [
      { kind: 'account_disabled' as const, about: null, reason: person.words, at: now - DAY },
      { kind: 'role_added' as const, about: 'editor', reason: '', at: now - HOUR },
    ],
    passkeys: passkeysOf(person, now).map(
      ({ name, authenticator = null, isBackedUp, createdAt, usedAt }) => ({
        ...{ name, authenticator, rpId: 'example.com', isBackedUp, createdAt, usedAt },
      }),
    ),
    imports: [{ id: 'django:42', importedAt: now - DAY }],
    mails: STATES.map((state, tries) => ({
      kind: 'email-confirm',
      state,
      createdAt: now - HOUR,
      dueAt: now,
      tries,
    })),
  }
}

function tokensOf({ user, nextEmail }: Person, now: number) {
  return PURPOSES.map((purpose, index) => ({
    purpose,
    email: index % 2 === 0 ? user.email : nextEmail,
    createdAt: now - HOUR,
    expiresAt: now + DAY,
    usedAt: index === 1 ? now : null,
  }))
}

export function littleStoredOf({ user }: Person, now: number) {
  return {
    account: {
      ...user,
      ...{ confirmBy: null, updatedAt: now, closedAt: null, eraseAt: null, language: null },
    },
    slugs: [{ slug: user.slug, until: null }],
    sessions: [device(now, { id: 'one', isThis: true })],
    tokens: [],
    mails: [],
    authenticator_apps: [],
    recovery_sets: [],
    recovery_codes: [],
    operator_actions: [],
    passkeys: [],
    imports: [],
  }
}
