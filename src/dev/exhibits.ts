import { NO_PASSWORD, PASSWORD_WRONG } from '../accounts/authentication.js'
import { TAKEN_MEANWHILE } from '../accounts/email-address.js'
import * as fields from '../accounts/fields.js'
import { adviceShown, onAcceptedEmail } from '../accounts/hints.js'
import type { PreparedMail } from '../accounts/letters.js'
import { LimitReached } from '../accounts/limits.js'
import { KINDS, REOPEN_LIFE } from '../accounts/mail-kinds.js'
import { HOUR, MINUTE } from '../base/durations.js'
import type { Facts, OwnMailKind } from '../mail/outbox.js'
import type { Gatehouse } from '../visitor/gatehouse.js'
import type { Advice, Broken, Form, Message, Values } from '../web/form.js'
import type { Link } from '../web/notices.js'
import { ADVICE, FRAGMENT } from '../web/page.js'
import type { Sample } from './sample.js'
import { devicesOf, eventsOf, littleStoredOf, type Person, peopleAt, storedOf } from './samples.js'

/** A page, fragment or mail in one of its states, with made-up values. */
export type Exhibit = Place & (Shown | Written)

interface Place {
  page: string
  state: string
}

export interface Shown {
  sample: Sample
}

/** A mail. */
export interface Written {
  letter: PreparedMail
  as: 'html' | 'text'
}

export type Setting = Pick<Gatehouse, 'url' | 'lifetimes' | 'rules'> & { now: number }

/** Everything there is to be seen, for those who edit templates, and for the test that no template is forgotten. */
export function gallery(setting: Setting): Exhibit[] {
  return [
    ...forms(setting).flatMap((page) => formExhibits(page, setting)),
    ...buttons(setting).flatMap((page) => buttonExhibits(page, setting)),
    ...pages(setting).flatMap(pageExhibits),
    ...messageExhibits(setting),
    ...mailExhibits(setting),
  ]
}

// ── pages with a form ────────────────────────────────────────────────────────────────────────────────────────────────

interface FormPage {
  /** The folder of its templates. */
  name: string
  /** Which of several faces of one page. */
  face?: string
  isUsers?: boolean
  secret?: readonly string[]
  around?: (person: Person) => object
  /** What it begins with, empty. */
  given?: Values
  typed: (person: Person) => Values
  errors: readonly Broken[]
  /** What is said at its fields while they are filled in; these are its fields. */
  advice?: readonly Advice[]
  success: Message
  onward?: Message
}

function forms({ now, rules }: Setting): FormPage[] {
  const newPassword = [
    ...fields.check(fields.newPassword(rules, []), 'abc'),
    ...fields.check(fields.repeated('abc'), 'abd'),
  ]
  const passwords = ['password', 'repassword']
  const advice = adviceShown()
  return [
    {
      name: 'signup',
      secret: passwords,
      typed: ({ user }) => ({ username: user.name, email: user.email }),
      errors: [...fields.check(fields.username, 'a!'), ...fields.check(fields.email, 'x'), ...newPassword],
      advice,
      success: { code: 'signed_up', sentence: 'Your account {name} is ready.', params: { name: 'Anna' } },
      onward: { code: 'signed_up_go_on', sentence: 'Go on without logging in' },
    },
    {
      name: 'login',
      given: { next: '/members/' },
      typed: ({ user }) => ({ username: user.name, keep: 'on' }),
      errors: [
        { field: 'username', code: 'login_name_missing', sentence: 'Enter your user name or e-mail.' },
        NO_PASSWORD,
      ],
      success: { code: 'logged_in', sentence: 'You are logged in.' },
      onward: { code: 'logged_in_go_on', sentence: 'Go on now' },
    },
    {
      name: 'password/confirm',
      isUsers: true,
      secret: ['password'],
      typed: () => ({ _typed: 'sealed', next: '/members/recent/' }),
      errors: [PASSWORD_WRONG],
      success: {
        code: 'typed_too_old',
        sentence:
          'Your password is right. What you had typed was kept for 10 minutes only: please type it again.',
      },
    },
    {
      name: 'password/forgot',
      typed: ({ user }) => ({ username: user.email }),
      errors: [
        { field: 'username', code: 'forgot_name_missing', sentence: 'Enter your user name or e-mail.' },
      ],
      success: {
        code: 'password_reset_sent',
        sentence:
          'If there is an account with this username or email address, an email is on its way or was sent recently.',
      },
      onward: { code: 'password_reset_go_on', sentence: 'Enter the code from the mail' },
    },
    {
      name: 'password/reset',
      face: 'code',
      around: () => ({ asks: 'code', name: '' }),
      typed: () => ({ code: '12345' }),
      errors: [{ field: 'code', code: 'code_digits', sentence: 'The code has eight digits.' }],
      success: { code: 'password_reset_code', sentence: 'The code is right. Choose a new password.' },
    },
    {
      name: 'password/reset',
      face: 'password',
      secret: passwords,
      around: ({ user }) => ({ asks: 'password', name: user.name }),
      typed: () => ({}),
      errors: newPassword,
      advice: advice.filter(({ field }) => field === 'password'),
      success: {
        code: 'password_reset_done',
        sentence: 'Your password is changed, and you are logged out everywhere. Log in with the new one.',
      },
      onward: { code: 'log_in', sentence: 'Log in' },
    },
    ...(['code', 'password', 'nothing'] as const).map((asks) => confirmPage(asks)),
    {
      name: 'email/confirm/address',
      typed: ({ user }) => ({ email: user.email }),
      errors: [fields.EMAIL_TAKEN],
      advice: advice.filter(({ field }) => field === 'email'),
      success: {
        code: 'email_corrected',
        sentence: 'Your address is now {email}. A mail to it is on its way.',
        params: { email: 'anna@example.org' },
      },
      onward: { code: 'email_confirmed_go_on', sentence: 'Go on' },
    },
    {
      name: 'account/name',
      isUsers: true,
      typed: ({ user }) => ({ username: user.name }),
      errors: fields.check(fields.username, 'a!'),
      advice: advice.filter(({ field }) => field === 'username'),
      success: {
        code: 'name_changed',
        sentence: 'Your user name is now {name}.',
        params: { name: 'Anna' },
      },
      onward: { code: 'name_changed_go_on', sentence: 'Go on to your account' },
    },
    {
      name: 'account/password',
      isUsers: true,
      secret: ['current', ...passwords],
      typed: () => ({}),
      errors: [
        {
          field: 'current',
          code: 'login_password_missing',
          sentence: 'Enter your password.',
        },
        ...newPassword,
      ],
      advice: advice.filter(({ field }) => field === 'password'),
      success: {
        code: 'password_changed_others',
        sentence: 'Your password is changed, and all other devices are logged out: {count}.',
        params: { count: 2 },
      },
      onward: { code: 'password_changed_go_on', sentence: 'Go on to your account' },
    },
    ...[false, true].map((isPending) => emailPage(isPending)),
    ...[false, true].map((asksPassword) => emailConfirmPage(asksPassword)),
    ...[false, true].map((isAlone) => devicesPage(now, { isAlone })),
    {
      name: 'members/recent',
      isUsers: true,
      typed: ({ words }) => ({ note: words }),
      errors: [
        {
          field: 'note',
          code: 'note_long',
          sentence: 'Your note: at most {max} characters.',
          params: { max: 200 },
        },
      ],
      success: { code: 'note_kept', sentence: 'Your note is kept.' },
    },
  ]
}

const CONFIRM_ERRORS = {
  code: {
    field: 'code',
    code: 'code_wrong',
    sentence:
      'This code is wrong, has expired, or was not asked for in this browser. Use the link in the newest email, or ask for another email.',
  },
  password: PASSWORD_WRONG,
  nothing: TAKEN_MEANWHILE,
}

function confirmPage(asks: keyof typeof CONFIRM_ERRORS): FormPage {
  return {
    name: 'email/confirm',
    face: asks,
    secret: ['password'],
    around: ({ user }) => ({ asks, name: user.name, email: user.email }),
    typed: () => (asks === 'code' ? { code: '12345' } : {}),
    errors: [CONFIRM_ERRORS[asks]],
    success: {
      code: 'email_confirmed',
      sentence: 'Your address {email} is confirmed.',
      params: { email: 'anna@example.com' },
    },
    onward: { code: 'email_confirmed_go_on', sentence: 'Go on' },
  }
}

function emailPage(isPending: boolean): FormPage {
  return {
    name: 'account/email',
    ...(isPending && { face: 'pending' }),
    isUsers: true,
    around: ({ user, nextEmail }) => ({
      email: user.email,
      isConfirmed: !isPending,
      nextEmail: isPending ? nextEmail : null,
    }),
    typed: ({ nextEmail }) => ({ email: nextEmail }),
    errors: [fields.EMAIL_TAKEN],
    advice: adviceShown().filter(({ field }) => field === 'email'),
    success: {
      code: 'email_asked',
      sentence:
        'A mail to {email} is on its way. Follow its link; until then your account keeps its present address.',
      params: { email: 'anna@example.org' },
    },
  }
}

function emailConfirmPage(asksPassword: boolean): FormPage {
  return {
    name: 'account/email/confirm',
    ...(asksPassword && { face: 'password' }),
    secret: ['password'],
    around: ({ user, nextEmail }) => ({
      asksPassword,
      name: user.name,
      present: user.email,
      email: nextEmail,
    }),
    typed: () => ({}),
    errors: [asksPassword ? PASSWORD_WRONG : TAKEN_MEANWHILE],
    success: {
      code: 'email_changed',
      sentence: 'The address of your account {name} is now {email}.',
      params: { name: 'Anna', email: 'anna@example.org' },
    },
    onward: { code: 'email_changed_go_on', sentence: 'Go on' },
  }
}

function devicesPage(now: number, { isAlone }: { isAlone: boolean }): FormPage {
  const id = isAlone ? 'one' : 'two'
  return {
    name: 'account/devices',
    ...(isAlone && { face: 'alone' }),
    isUsers: true,
    around: (person) => ({ devices: devicesOf(person, now).slice(0, isAlone ? 1 : undefined) }),
    typed: () => ({ device: isAlone ? 'this' : id, name: 'x'.repeat(41) }),
    errors: fields
      .check(fields.deviceName, 'x'.repeat(41))
      .map((error) => ({ ...error, field: `name-${id}` })),
    success: { code: 'device_revoked', sentence: 'The device is logged out.' },
  }
}

function formExhibits(page: FormPage, setting: Setting): Exhibit[] {
  const { anna, long, rightToLeft } = peopleAt(setting.now)
  const { name, face, given = {}, errors, advice, success, onward } = page
  const sample = (person: Person, more: Partial<Sample> = {}): Sample => ({
    template: `${name}/page.html`,
    form: { ...formNamed(name, page.secret), advised: [...new Set(advice?.map(({ field }) => field))] },
    around: { user: page.isUsers ? person.user : undefined, ...page.around?.(person) },
    ...more,
  })
  const typed = (person: Person) => sample(person, { values: page.typed(person) })
  const refused = (person: Person) => sample(person, { values: page.typed(person), errors })
  const accepted = sample(anna, {
    values: page.typed(anna),
    notice: { message: success },
    ...(onward && { onward: { href: setting.url('account'), message: onward } }),
  })
  return among(name, face, {
    empty: sample(anna, { values: given }),
    errors: refused(anna),
    success: accepted,
    limited: sample(anna, { values: page.typed(anna), errors: [LIMITED] }),
    long: refused(long),
    'right-to-left': typed(rightToLeft),
    ...(advice && {
      advised: { ...typed(anna), advice },
      'htmx-advised': { ...typed(anna), advice, template: ADVICE },
    }),
    'htmx-errors': { ...refused(anna), template: FRAGMENT },
    'htmx-success': { ...accepted, template: FRAGMENT },
  })
}

const LIMITED = new LimitReached('loginName', 4 * MINUTE).answer

function formNamed(name: string, secret: readonly string[] = []): Form {
  return { name, fields: ['made-up'], secret }
}

function among(name: string, face: string | undefined, samples: Record<string, Sample>): Exhibit[] {
  const page = name.replaceAll('/', '-')
  return Object.entries(samples).map(([state, sample]) => ({
    page,
    state: face === undefined ? state : `${face}-${state}`,
    sample,
  }))
}

// ── pages with a button ──────────────────────────────────────────────────────────────────────────────────────────────

/** `hasFields` if htmx gets more than the message box. */
type ButtonPage = Pick<FormPage, 'name' | 'isUsers' | 'around'> & { hasFields?: true }

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
    { name: 'account/email/undo', around: ({ user }) => ({ name: user.name, email: user.email }) },
    {
      name: 'email/confirm/deny',
      around: ({ user }) => ({ life: REOPEN_LIFE, name: user.name, email: user.email }),
    },
    { name: 'password/confirm/back', around: () => ({ page: url('signup'), typed: 'sealed' }) },
  ]
}

function buttonExhibits({ name, isUsers, hasFields, around }: ButtonPage, { now }: Setting): Exhibit[] {
  const { anna, long, rightToLeft } = peopleAt(now)
  const isPage = name === 'password/confirm/back'
  const sample = ({ user, ...person }: Person, errors: Sample['errors'] = []): Sample => ({
    template: isPage ? `${name}.html` : `${name}/page.html`,
    ...(!isPage && { form: { ...formNamed(name), fields: [], oneButton: true } }),
    errors,
    around: { user: isUsers ? user : undefined, ...around?.({ user, ...person }) },
  })
  return among(name, undefined, {
    empty: sample(anna),
    limited: sample(anna, [LIMITED]),
    long: sample(long),
    'right-to-left': sample(rightToLeft),
    ...(hasFields && { 'htmx-limited': { ...sample(anna, [LIMITED]), template: FRAGMENT } }),
  })
}

// ── other pages ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** The states of a page, each with what its template uses. */
interface PlainPage {
  template: string
  states: Record<string, Omit<Sample, 'template'>>
}

function pages(setting: Setting): PlainPage[] {
  const { now } = setting
  const { anna, long, rightToLeft } = peopleAt(now)
  const unconfirmed = { ...anna.user, emailConfirmedAt: null, nextEmail: anna.nextEmail }
  const ofUser = { empty: who(anna), long: who(long), 'right-to-left': who(rightToLeft) }
  const notice = { message: { code: 'logged_in', sentence: 'You are logged in.' } }
  return [
    {
      template: 'home/page.html',
      states: {
        ...ofUser,
        empty: { around: { user: undefined } },
        user: who(anna),
        unconfirmed: { around: { user: unconfirmed } },
        success: { ...who(anna), notice },
      },
    },
    { template: 'members/page.html', states: ofUser },
    {
      template: 'account/page.html',
      states: {
        ...ofUser,
        unconfirmed: { around: { user: unconfirmed } },
        'long-unconfirmed': {
          around: { user: { ...long.user, emailConfirmedAt: null, nextEmail: long.nextEmail } },
        },
      },
    },
    {
      template: 'email/confirm/deny/done.html',
      states: {
        empty: { around: { state: 'gone' } },
        closed: { around: { state: 'closed', life: REOPEN_LIFE } },
        long: { around: { user: long.user, state: 'closed', life: REOPEN_LIFE } },
        'right-to-left': { around: { user: rightToLeft.user, state: 'gone' } },
      },
    },
    {
      template: 'users/page.html',
      states: {
        empty: publicPage(anna),
        long: publicPage(long),
        'right-to-left': publicPage(rightToLeft),
      },
    },
    { template: 'account/activity/page.html', states: activityStates(setting) },
    { template: 'account/export/page.html', states: exportStates(setting) },
    { template: 'problem/page.html', states: problemStates(setting) },
    { template: 'dev/mailbox/page.html', states: mailboxStates(setting) },
    { template: 'dev/mailbox/mail.html', states: caughtStates(setting) },
    { template: 'dev/gallery/page.html', states: galleryStates() },
  ]
}

function who({ user }: Person): { around: { user: Person['user'] } } {
  return { around: { user } }
}

function publicPage({ user }: Person) {
  return { around: { user: undefined, name: user.name, since: new Date(user.createdAt) } }
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
  const unknown = { code: 'page_unknown', sentence: 'There is no page at this address.' }
  const unexpected = {
    code: 'unexpected',
    sentence:
      'Something went wrong on our side. Please try again; if it stays like this, tell us the number {reference}.',
    params: { reference: 'a1b2c3d4e5f6' },
  }
  const loggedOut = {
    code: 'login_needed',
    sentence: 'You are logged out. Log in first, then send this again if it is still needed.',
  }
  const logIn = { href: url('login'), message: { code: 'log_in', sentence: 'Log in' } }
  return {
    404: problem(404, unknown),
    403: problem(403, loggedOut, {}, logIn),
    405: problem(
      405,
      { code: 'method_wrong', sentence: 'This address cannot be used in this way.' },
      { back: url('signup') },
    ),
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

function pageExhibits({ template, states }: PlainPage): Exhibit[] {
  const name = template.replace(/(?:\/page)?\.html$/, '')
  const samples = Object.entries(states).map(([state, sample]) => [state, { template, ...sample }])
  return among(name, undefined, Object.fromEntries(samples))
}

// ── the message box ──────────────────────────────────────────────────────────────────────────────────────────────────

function messageExhibits({ url }: Setting): Exhibit[] {
  const shown = (sample: Partial<Sample>): Sample => ({
    template: 'dev/gallery/messages.html',
    around: { user: undefined },
    ...sample,
  })
  const link = { href: url('login'), message: { code: 'log_in', sentence: 'Log in' } }
  const done = { code: 'logged_in', sentence: 'You are logged in.' }
  const needed = {
    code: 'password_needed',
    sentence: 'Please enter your password first. Nothing was done yet.',
  }
  const ask = {
    form: formNamed('password/confirm'),
    button: { code: 'enter_password', sentence: 'Enter your password' },
    values: { next: '/members/', _typed: 'sealed' },
  }
  const pageTooOld = {
    code: 'page_too_old',
    sentence:
      'This page was open for too long, or changed in another tab. Nothing is lost: please press the button again.',
  }
  return among('messages', undefined, {
    empty: shown({}),
    error: shown({ errors: [pageTooOld] }),
    'error-with-link': shown({
      errors: [
        {
          code: 'login_needed',
          sentence: 'You are logged out. Log in first, then send this again if it is still needed.',
          link,
        },
      ],
    }),
    'error-with-button': shown({ errors: [{ ...needed, ask }] }),
    limited: shown({ errors: [LIMITED] }),
    success: shown({ notice: { message: done } }),
    'success-with-link': shown({ notice: { message: done, link } }),
    'success-with-advice': shown({
      notice: { message: done, ...onAcceptedEmail('anna@gmial.com', '#main') },
    }),
    'success-and-onward': shown({ notice: { message: done }, onward: link }),
    'htmx-error': shown({ template: FRAGMENT, errors: [pageTooOld] }),
    'htmx-error-with-button': shown({ template: FRAGMENT, errors: [{ ...needed, ask }] }),
  })
}

// ── mails ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** As long as a real one. */
const TOKEN = 'made-up'.padEnd(43, '-made-up')

function mailExhibits({ now }: Setting): Exhibit[] {
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

/** Those that go only to addresses that nobody has confirmed, or that are no longer the account's. */
const NAMELESS: readonly OwnMailKind[] = ['email-confirm', 'email-change', 'email-corrected', 'email-undone']

function lettersTo(person: Person, now: number, isConfirmed: boolean): PreparedMail[] {
  const { user, nextEmail } = person
  const at = now - HOUR
  const where: Facts = { to: user.email, at, browser: 'Firefox', system: 'Linux', address: '2001:db8::1' }
  const nowhere: Facts = { to: user.email, at, browser: '', system: '', address: '' }
  const facts: Record<OwnMailKind, Facts> = {
    'email-confirm': {},
    'email-taken': {},
    'password-reset': {},
    'password-changed': where,
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
  }
  return mailKinds(facts).map((kind) => {
    const name = isConfirmed && !NAMELESS.includes(kind) ? user.name : ''
    const letter = { kind, facts: facts[kind], prepared: { to: user.email, name, code: '12345678' } }
    const hasToken = KINDS[kind].token !== undefined
    return hasToken ? { ...letter, prepared: { ...letter.prepared, token: TOKEN } } : letter
  })
}

function mailKinds(facts: Record<OwnMailKind, Facts>): OwnMailKind[] {
  return Object.keys(facts).filter((kind): kind is OwnMailKind => kind in facts)
}
