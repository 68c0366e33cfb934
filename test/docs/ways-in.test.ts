import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LIMITS, type LimitRules } from '../../src/accounts/limit-rules.js'
import { KINDS } from '../../src/accounts/mail-kinds.js'
import { root } from '../../src/base/package.js'
import { timesIn } from '../../src/views/times.js'
import { sourcesIn } from '../support/sources.js'

/*
 * `npm run ways` writes docs/ways-in.md from these tables. This test fails when it is out of date, or when code creates
 * a session in another way.
 */
const test = suite('docs/ways-in.md')
const FILE = join(root, 'docs', 'ways-in.md')

interface Way {
  /** The file in `src/features/` that calls `advance`. */
  feature: string
  /** Its path, if the file is elsewhere. */
  file?: string
  way: string
  proves: string
  strength: string
  limits: readonly (keyof LimitRules)[]
  off: string
}

const PASSWORD = ['loginName', 'loginAccount', 'loginNetwork', 'loginRow', 'loginDevice'] as const
const PASSKEYS_OFF = "`features: { 'account/passkeys': false }`, for everyone"
const OFF = "`features: { 'account/two-step': false }`, for everyone"

const WAYS: readonly Way[] = [
  {
    feature: 'login',
    way: '`/login/`: username or email address, and password',
    proves: 'the password',
    strength: 'one factor. With two-step verification it is only the first step, which starts no session',
    limits: PASSWORD,
    off: 'nothing',
  },
  {
    feature: 'login',
    way: '`/login/` on a trusted device',
    proves: 'the password, and a device on which a code was entered within 30 days',
    strength: 'two factors when the device became trusted. Never where two-step verification is required',
    limits: PASSWORD,
    off: 'any change of the password, the app or the codes, "log out all others", or `SECOND_STEP=required`',
  },
  {
    feature: 'login/passkey',
    way: '`/login/`: a passkey that has checked its user',
    proves: 'the device, and a fingerprint, a face or its screen lock',
    strength: 'two factors. Each challenge works once, in its own browser, within 30 minutes',
    limits: ['loginNetwork', 'loginDevice'],
    off: PASSKEYS_OFF,
  },
  {
    feature: 'login/passkey',
    way: '`/login/`: a passkey that has not checked its user',
    proves: 'the device',
    strength: 'one factor. With two-step verification it is only the first step, which starts no session',
    limits: ['loginNetwork', 'loginDevice'],
    off: PASSKEYS_OFF,
  },
  {
    feature: 'login/two-step',
    way: '`/login/` and `/login/two-step/` with a code of the app',
    proves: 'the password, and the authenticator app',
    strength: 'two factors. Each code works once',
    limits: ['secondAccount', 'secondNetwork', 'secondDevice', 'secondRow'],
    off: OFF,
  },
  {
    feature: 'login/two-step',
    way: '`/login/` and `/login/two-step/` with a recovery code',
    proves: 'the password, and a code that the user has kept',
    strength: 'two factors. A code has 66 bits and works once',
    limits: ['secondAccount', 'secondNetwork', 'secondDevice'],
    off: OFF,
  },
  {
    feature: 'login/two-step/passkey',
    file: 'src/features/login/two-step.ts',
    way: '`/login/` and `/login/two-step/` with a passkey',
    proves: 'the password, and the device. A passkey that has not checked its user cannot be both steps',
    strength: 'two factors. Each challenge works once, in its own browser, within 30 minutes',
    limits: ['loginNetwork', 'loginDevice'],
    off: PASSKEYS_OFF,
  },
  {
    feature: 'login/two-step/lost',
    way: '`/login/two-step/lost/`: an email and a wait, for users who lost the app and the codes',
    proves: 'the password, then the mailbox in the same browser, then after the wait the password again',
    strength:
      'two factors to start the wait, which any session, code or new password can cancel. Never where two-step verification is required',
    limits: ['secondLost', 'mailAddress', 'mailNetwork'],
    off: '`FACTOR_RECOVERY=off`, or `MAIL=off`',
  },
  {
    feature: 'signup',
    file: 'src/features/signup/signing-up.ts',
    way: '`/signup/`',
    proves:
      'nothing yet, or with `SIGNUP=invited` the mailbox that got the invitation. With `LOGIN_AFTER=signup` also the password in the form',
    strength:
      'starts no session, because the login follows. With `LOGIN_AFTER=signup` one factor, that of the new account',
    limits: ['signupNetwork', 'takenNetwork'],
    off: '`features: { signup: false }`',
  },
  {
    feature: 'signup/passkey',
    file: 'src/features/signup/signing-up.ts',
    way: '`/signup/passkey/`, where `EMAIL_CONFIRMATION=required`, or with an invitation',
    proves: 'a new passkey, which is then the only way into the account besides `/password/forgot/`',
    strength:
      'starts no session, because the confirmation of the address and the login follow. With an invitation and `LOGIN_AFTER=signup` that of the passkey',
    limits: ['signupNetwork', 'takenNetwork'],
    off: "`features: { 'account/passkeys': false }`",
  },
  {
    feature: 'email/confirm',
    way: '`/email/confirm/`, with `LOGIN_AFTER=confirmation`',
    proves:
      'the mailbox, which alone does not log anyone in, and the password: entered on the page of the link, or in this browser at sign-up or login within 1 hour',
    strength:
      'that of the password. With two-step verification the code follows. Never while someone is logged in',
    limits: ['codeAccount', 'codeNetwork', 'loginName', 'loginAccount', 'loginNetwork', 'loginRow'],
    off: 'nothing: off by default',
  },
  {
    feature: 'password/reset',
    way: '`/password/reset/`, with `LOGIN_AFTER=reset`',
    proves: 'the mailbox, with which the password is set',
    strength:
      'one factor. With two-step verification the code follows. Never while someone else is logged in',
    limits: ['codeAccount', 'codeNetwork', 'mailAddress', 'mailNetwork'],
    off: 'nothing: off by default',
  },
  {
    feature: 'of the app',
    file: 'src/visitor/host-login.ts',
    way: '`logIn(ctx, user)` in the code of an app that mounts Gatehouse',
    proves: 'what the app has checked',
    strength: 'that of the app. With two-step verification the code follows',
    limits: [],
    off: 'nothing: only code of the app can call it',
  },
]

const BY_MAIL: Readonly<Record<string, string>> = {
  'email-confirm': 'confirms the address. The password follows',
  'password-reset':
    'sets a password, even if there was none. The login follows, with its second step. Removes passkeys if the address was not confirmed',
  'email-change': 'makes the new address that of the account. Needs no login and starts none',
  'email-changed':
    'goes back to the previous address and sends an email there to choose a new password. Two-step verification stays on',
  'account-closed': 'reopens the account. The login follows, with its second step',
  'second-lost':
    'starts the wait after which two-step verification can be turned off. Only after the password, in the same browser',
}

function written(): string {
  return [
    '# Check every way into an account',
    '',
    'Find the way in the tables. `npm run ways` writes this page. A test fails if code starts a session in any other way (OWASP ASVS',
    '6.1.3, 6.3.4).',
    '',
    '## Ways to a session',
    '',
    '| Way | Proves | Strength | Limits | What turns it off |',
    '|---|---|---|---|---|',
    ...WAYS.map(({ way, proves, strength, limits, off }) =>
      row(way, proves, strength, limitsOf(limits) || 'those of the app', off),
    ),
    '',
    'All of them end in the same checks: the account is not disabled or closed, and with `EMAIL_CONFIRMATION=required` its address is confirmed, if it has one.',
    '',
    '## Links and codes in emails',
    '',
    'None of them starts a session by itself, and with `LOGIN_AFTER` the second step follows. So a mailbox alone is never enough if',
    'two-step verification is on.',
    '',
    '| Email | What its link or code does | Link works for | Code works for |',
    '|---|---|---|---|',
    ...mailRows(),
    '',
    'Codes are limited by `codeAccount`, `codeNetwork` and `codeSite`, emails by `mailAddress`, `mailAccount`, `mailNetwork` and',
    '`mailPause`. `MAIL=off` turns them off.',
    '',
    '## Commands',
    '',
    'Anyone who can read the database and the keys of the site can run them.',
    '',
    '| Command | What it opens |',
    '|---|---|',
    '| `gatehouse users create` | an account with a password, or a link to choose one |',
    '| `gatehouse users invite` | a sign-up whose email address counts as confirmed, where `SIGNUP=invited`. The link works once, for 7 days |',
    '| `gatehouse users reset` | the choice of a new password, by email or from standard input. Two-step verification stays on |',
    '| `gatehouse users two-step --off` | the login with the password alone |',
    '',
    'If a user has lost the app and the recovery codes, there are two ways back: the email with the wait, and the last of these commands.',
    '',
  ].join('\n')
}

function row(...cells: string[]): string {
  return `| ${cells.join(' | ')} |`
}

function limitsOf(names: readonly (keyof LimitRules)[]): string {
  return names
    .map((name) => `\`${name}\` ${LIMITS[name].max} in ${timesIn('en').lasting(LIMITS[name].window)}`)
    .join(', ')
}

function mailRows(): string[] {
  return Object.entries(KINDS).flatMap(([kind, { token }]) =>
    token === undefined
      ? []
      : [
          row(
            `\`${kind}\``,
            BY_MAIL[kind] ?? '',
            timesIn('en').lasting(token.life),
            token.hasCode ? '10 minutes, in the browser that asked' : 'no code',
          ),
        ],
  )
}

function callersOf(call: RegExp): string[] {
  return ['src', 'examples']
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap(sourcesIn)
    .filter(({ text }) => call.test(text))
    .map(({ path }) => path)
    .sort()
}

test('lists the ways in that the code has', () => {
  const text = written()
  if (process.env.WAYS_IN) writeFileSync(FILE, text)
  assert.is(readFileSync(FILE, 'utf8'), text, 'npm run ways writes it')
})

test('sessions are stored in one place, which only the steps of a login call', () => {
  assert.equal(callersOf(/\bsessions\.open\(/), ['src/visitor/session.ts'])
  assert.equal(callersOf(/insertInto\('sessions'\)/), ['src/tables/sessions-begin.ts'])
  assert.equal(callersOf(/import \{[^}]*\blogIn\b[^}]*\} from '[^']*\/session\.js'/), [
    'src/visitor/login-steps.ts',
  ])
})

test('only the listed features take a step of a login', () => {
  const features = callersOf(/import \{[^}]*\badvance\b[^}]*\} from '[^']*\/login-steps\.js'/)
  const listed = new Set(WAYS.map(({ feature, file = `src/features/${feature}.ts` }) => file))
  assert.equal(features, [...listed].sort())
})

test('every email with a link or code is listed', () => {
  const withToken = Object.entries(KINDS).filter(([, { token }]) => token !== undefined)
  assert.equal(withToken.map(([kind]) => kind).sort(), Object.keys(BY_MAIL).sort())
})

test.run()
