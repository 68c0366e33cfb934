import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { delimiter, isAbsolute, join, resolve } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LIFETIMES } from '../../src/accounts/lifetimes.js'
import { LIMITS } from '../../src/accounts/limit-rules.js'
import { DAY, HOUR, MINUTE } from '../../src/base/durations.js'
import { root } from '../../src/base/package.js'
import { type Config, ConfigError, readConfig } from '../../src/server/config.js'

const ONE = Buffer.alloc(32, 1).toString('base64url')
const TWO = Buffer.alloc(32, 2).toString('base64url')
const URL_IN_PRODUCTION = { NODE_ENV: 'production', BASE_URL: 'https://example.com', MAIL: 'off' }
const SMTP = { SMTP_URL: 'smtp://anna:s%40cret@mail.example.com', BASE_URL: 'https://example.com' }

const test = suite('settings')

/** Returns the errors about an environment. */
function mistakes(environment: NodeJS.ProcessEnv): string[] {
  try {
    readConfig(environment)
  } catch (error) {
    assert.instance(error, ConfigError)
    return error instanceof ConfigError ? error.message.split('\n') : []
  }
  return []
}

test('no setting is required outside production', () => {
  const file = join(root, 'db', 'data', 'gatehouse.sqlite')
  assert.equal(readConfig({}), {
    production: false,
    development: false,
    port: 3000,
    host: '127.0.0.1',
    logLevel: 'info',
    baseUrl: undefined,
    https: false,
    passkeyDomain: undefined,
    passkeyOrigins: undefined,
    cookieName: 'gatehouse',
    cookiePath: '/',
    database: `sqlite:${file}`,
    sessionKeys: [],
    keyFile: `${file}.key`,
    workers: 1,
    maxConnections: 1000,
    metrics: undefined,
    trustProxy: 0,
    compression: true,
    passwordMinLength: 8,
    passwordMinScore: 0,
    siteName: 'Gatehouse',
    signup: 'open',
    usernames: 'chosen',
    emails: 'required',
    loginErrors: 'exact',
    loginAfter: [],
    confirmationGrace: 0,
    features: {},
    mail: 'caught',
    theme: 'auto',
    themeColor: undefined,
    emailConfirmation: 'optional',
    privateEmails: false,
    secondStep: 'optional',
    secondStepFrom: undefined,
    factorRecovery: 3 * 24 * 60 * 60 * 1000,
    jumpMail: false,
    lifetimes: LIFETIMES,
    limits: LIMITS,
    hooks: undefined,
    templates: [],
    languages: undefined,
  })
})

const READ: [given: Record<string, string>, meant: Partial<Config>][] = [
  [{ PORT: '0' }, { port: 0 }],
  [{ PORT: '8080' }, { port: 8080 }],
  [{ PORT: '65535' }, { port: 65_535 }],
  [{ HOST: '::1' }, { host: '::1' }],
  [{ HOST: 'localhost' }, { host: 'localhost' }],
  [{ LOG_LEVEL: 'silent' }, { logLevel: 'silent' }],
  [{ LOG_LEVEL: 'debug' }, { logLevel: 'debug' }],
  [{ NODE_ENV: 'development' }, { production: false, development: true, host: '127.0.0.1' }],
  [{ NODE_ENV: 'test' }, { production: false, development: false, host: '127.0.0.1' }],
  [URL_IN_PRODUCTION, { production: true, development: false, host: '0.0.0.0', https: true }],
  [{ ...URL_IN_PRODUCTION, HOST: '127.0.0.1' }, { host: '127.0.0.1' }],
  [{ BASE_URL: 'https://example.com' }, { baseUrl: 'https://example.com', https: true, production: false }],
  [{ BASE_URL: 'https://example.com/' }, { baseUrl: 'https://example.com', https: true }],
  [{ BASE_URL: 'https://example.com/club/' }, { baseUrl: 'https://example.com/club', https: true }],
  [{ BASE_URL: 'https://example.com/club', COOKIE_PATH: '/club' }, { cookiePath: '/club' }],
  [{ BASE_URL: 'http://example.com:8080' }, { baseUrl: 'http://example.com:8080', https: false }],
  [{ COOKIE_NAME: 'shop' }, { cookieName: 'shop' }],
  [{ COOKIE_NAME: '_My-shop_2' }, { cookieName: '_My-shop_2' }],
  [{ COOKIE_NAME: 'a'.repeat(40) }, { cookieName: 'a'.repeat(40) }],
  [{ COOKIE_NAME: ' ' }, { cookieName: 'gatehouse' }],
  [{ DATABASE_URL: 'sqlite:/srv/a b.sqlite' }, { database: `sqlite:${resolve('/srv/a b.sqlite')}` }],
  [{ DATABASE_URL: 'sqlite:./a.sqlite' }, { database: `sqlite:${resolve('a.sqlite')}` }],
  [{ DATABASE_URL: 'sqlite:../a.sqlite' }, { database: `sqlite:${resolve('../a.sqlite')}` }],
  [{ DATABASE_URL: ' sqlite: a.sqlite\r' }, { database: `sqlite:${resolve('a.sqlite')}` }],
  [{ DATABASE_URL: 'sqlite:données.b/100%' }, { database: `sqlite:${resolve('données.b/100%')}` }],
  [{ DATABASE_URL: 'sqlite:data/a.sqlite' }, { database: `sqlite:${resolve('data/a.sqlite')}` }],
  [
    { DATABASE_URL: 'postgres://anna:s%2Fx@db:5433/site' },
    { database: 'postgres://anna:s%2Fx@db:5433/site' },
  ],
  [{ DATABASE_URL: 'postgresql://db/site' }, { database: 'postgresql://db/site' }],
  [{ DATABASE_URL: 'postgres://db/site' }, { keyFile: join(root, 'db', 'data', 'gatehouse.key') }],
  [{ DATABASE_URL: 'sqlite:/srv/a.sqlite' }, { keyFile: `${resolve('/srv/a.sqlite')}.key` }],
  [{ SESSION_KEYS: ONE }, { sessionKeys: [ONE] }],
  [{ SESSION_KEYS: ` ${TWO} , ${ONE} ` }, { sessionKeys: [TWO, ONE] }],
  [{ WEB_CONCURRENCY: '4' }, { workers: 4 }],
  [{ WEB_CONCURRENCY: 'auto' }, { workers: availableParallelism() }],
  [{ MAX_CONNECTIONS: '20000' }, { maxConnections: 20_000 }],
  [{ TRUST_PROXY: '2' }, { trustProxy: 2 }],
  [{ COMPRESSION: 'off' }, { compression: false }],
  [{ PASSWORD_MIN_LENGTH: '6' }, { passwordMinLength: 6 }],
  [{ PASSWORD_MIN_LENGTH: '15' }, { passwordMinLength: 15 }],
  [{ PASSWORD_MIN_LENGTH: '128' }, { passwordMinLength: 128 }],
  [{ PASSWORD_MIN_SCORE: '3' }, { passwordMinScore: 3 }],
  [{ SITE_NAME: ' The shop ' }, { siteName: 'The shop' }],
  [{ SIGNUP: 'closed' }, { signup: 'closed' }],
  [
    { EMAIL_CONFIRMATION: 'required', CONFIRMATION_GRACE: '7d' },
    { emailConfirmation: 'required', confirmationGrace: 604_800_000 },
  ],
  [{ USERNAMES: 'made' }, { usernames: 'made' }],
  [{ EMAILS: 'none' }, { emails: 'none', mail: 'off' }],
  [{ LOGIN_ERRORS: 'generic' }, { loginErrors: 'generic' }],
  [{ LOGIN_AFTER: 'signup, reset' }, { loginAfter: ['signup', 'reset'] }],
  [{ FEATURES_OFF: 'users, account/close' }, { features: { users: false, 'account/close': false } }],
  [
    { SESSION_IDLE: '12h', SESSION_KEPT_IDLE: '7d', SESSION_MAX: '60d' },
    { lifetimes: { ...LIFETIMES, idle: 12 * HOUR, keptIdle: 7 * DAY, max: 60 * DAY } },
  ],
  [{ EVENTS_KEPT: '30d' }, { lifetimes: { ...LIFETIMES, events: 30 * DAY } }],
  [{ LIMIT_LOGIN_NAME: '3/90s' }, { limits: { ...LIMITS, loginName: { max: 3, window: 90_000 } } }],
  [{ LIMIT_LOGIN_ACCOUNT: '9/5m' }, { limits: { ...LIMITS, loginAccount: { max: 9, window: 5 * MINUTE } } }],
  [{ LIMIT_LOGIN_NETWORK: '9/2h' }, { limits: { ...LIMITS, loginNetwork: { max: 9, window: 2 * HOUR } } }],
  [{ LIMIT_LOGIN_ROW: '9/1d' }, { limits: { ...LIMITS, loginRow: { max: 9, window: DAY } } }],
  [{ LIMIT_LOGIN_DEVICE: ' 9/1d ' }, { limits: { ...LIMITS, loginDevice: { max: 9, window: DAY } } }],
  [{ LIMIT_SIGNUP_NETWORK: '9/1d' }, { limits: { ...LIMITS, signupNetwork: { max: 9, window: DAY } } }],
  [{ METRICS_TOKEN: 'sixteen-letters!', METRICS_HOST: '::' }, { metrics: { token: 'sixteen-letters!' } }],
  [{ METRICS_PORT: '9464', METRICS_HOST: '::' }, { metrics: { port: 9464, host: '::' } }],
  [
    { METRICS_PORT: '9464', METRICS_TOKEN: 'sixteen-letters!' },
    { metrics: { port: 9464, host: '127.0.0.1', token: 'sixteen-letters!' } },
  ],
  [{ MAIL: 'on' }, { mail: 'caught' }],
  [{ MAIL: '/var/mail/anna' }, { mail: 'caught' }],
  [{ MAIL: 'off' }, { mail: 'off' }],
  [{ ...SMTP, MAIL: 'off' }, { mail: 'off' }],
  [SMTP, { mail: { url: SMTP.SMTP_URL, from: 'no-reply@example.com' } }],
  [
    { ...SMTP, NODE_ENV: 'production' },
    { mail: { url: SMTP.SMTP_URL, from: 'no-reply@example.com' }, production: true },
  ],
  [
    { ...SMTP, SMTP_URL: 'smtps://[::1]:465?name=x', MAIL_FROM: 'The Gate: we <a@example.org>' },
    { mail: { url: 'smtps://[::1]:465?name=x', from: 'The Gate: we <a@example.org>' } },
  ],
  [{ ...SMTP, MAIL_FROM: 'gate@localhost' }, { mail: { url: SMTP.SMTP_URL, from: 'gate@localhost' } }],
  [{ EMAIL_CONFIRMATION: 'required' }, { emailConfirmation: 'required' }],
  [
    { EMAIL_CONFIRMATION: 'required', PRIVATE_EMAILS: 'true' },
    { emailConfirmation: 'required', privateEmails: true },
  ],
  [{ PRIVATE_EMAILS: 'false' }, { privateEmails: false }],
  [
    { SECOND_STEP: 'required', SECOND_STEP_FROM: '2027-03-01' },
    { secondStep: 'required', secondStepFrom: new Date('2027-03-01T00:00:00Z') },
  ],
  [{ LIMIT_MAIL_ADDRESS: '9/1d' }, { limits: { ...LIMITS, mailAddress: { max: 9, window: DAY } } }],
  [{ LIMIT_MAIL_ACCOUNT: '9/1d' }, { limits: { ...LIMITS, mailAccount: { max: 9, window: DAY } } }],
  [{ LIMIT_MAIL_FAILURES: '9/1d' }, { limits: { ...LIMITS, mailFailures: { max: 9, window: DAY } } }],
  [{ LIMIT_MAIL_NETWORK: '9/1d' }, { limits: { ...LIMITS, mailNetwork: { max: 9, window: DAY } } }],
  [{ LIMIT_MAIL_PAUSE: '9/1d' }, { limits: { ...LIMITS, mailPause: { max: 9, window: DAY } } }],
  [{ LIMIT_CODE_ACCOUNT: '9/1d' }, { limits: { ...LIMITS, codeAccount: { max: 9, window: DAY } } }],
  [{ LIMIT_RENAME_ACCOUNT: '9/1d' }, { limits: { ...LIMITS, renameAccount: { max: 9, window: DAY } } }],
  [{ TEMPLATES: 'templates' }, { templates: [resolve('templates')] }],
  [{ HOOKS: 'package.json' }, { hooks: resolve('package.json') }],
  [{ TEMPLATES: ` ${root}${delimiter}${delimiter}test ` }, { templates: [root, resolve('test')] }],
  [{ RATE_LIMITS: 'on' }, { limits: LIMITS }],
  [{ RATE_LIMITS: 'off', LIMIT_LOGIN_NAME: '3/90s' }, { limits: 'off' }],
]

for (const [given, meant] of READ) {
  test(`reads ${shown(given)}`, () => assert.equal(readConfig(given), { ...readConfig(given), ...meant }))
}

const WRONG: Record<string, readonly string[]> = {
  PORT: ['-1', '65536', '3.5', '0x50', '1e3', 'http', '3000 3001', '٣٠٠٠', '999999999999'],
  LOG_LEVEL: ['loud', 'INFO', '30'],
  BASE_URL: [
    ...['example.com', '//example.com', 'ftp://example.com', 'https://', 'https://example.com/a//b'],
    ...[
      'https://example.com/?a',
      'https://example.com/#a',
      'https://user:password@example.com',
      'javascript:alert(1)',
    ],
  ],
  COOKIE_PATH: ['club', '/club/', '//club', '/club;x', '/club'],
  COOKIE_NAME: [
    ...[
      'my shop',
      ' shop',
      'shop\n',
      'shop;',
      'shop=1',
      'shop,b',
      'my.shop',
      'магазин',
      'a'.repeat(41),
      '{}',
    ],
    ...['__Host-shop', '__host-shop', '__Secure-shop', '__Host-', '__shop'],
  ],
  DATABASE_URL: [
    'sqlite:',
    'sqlite',
    'site.sqlite',
    '/srv/site.sqlite',
    'mysql://localhost/site',
    'postgres:site',
    'sqlite:///srv/site.sqlite',
    'sqlite://site.sqlite',
    'sqlite:////srv/site.sqlite',
    'sqlite::memory:',
    'sqlite:file:site.sqlite',
    'file:site.sqlite',
    'file:///srv/site.sqlite',
    'SQLITE:site.sqlite',
    'sqlite3:site.sqlite',
    'sqlite:~/site.sqlite',
    'sqlite:$HOME/site.sqlite',
    ['sqlite:$', '{HOME}/site.sqlite'].join(''),
    'sqlite:site.sqlite?mode=ro',
    'sqlite:site.sqlite#1',
    'sqlite:/srv/my%20site.sqlite',
    'sqlite:/srv/data/',
    'sqlite:..',
    'sqlite:.',
    'sqlite:/',
    'sqlite:data\rsite.sqlite',
    'sqlite:C:site.sqlite',
    'sqlite:/C:/site.sqlite',
    ...(process.platform === 'win32' ? [] : ['sqlite:C:\\data\\site.sqlite', 'sqlite:data\\site.sqlite']),
    'postgres://anna:secret/x@db/site',
  ],
  SESSION_KEYS: [
    'secret',
    ONE.slice(1),
    `${ONE}A`,
    `${ONE}=`,
    `${ONE} ${TWO}`,
    `${ONE},${TWO.slice(1)}`,
    `${ONE};${TWO}`,
  ],
  WEB_CONCURRENCY: ['0', '-1', '513', '1.5', 'all'],
  PASSWORD_MIN_SCORE: ['5', 'strong'],
  SIGNUP: ['by letter', 'off'],
  THEME_COLOR: ['red', '#fff', '#7a1fa2;'],
  LOGIN_ERRORS: ['private'],
  USERNAMES: ['none'],
  EMAILS: ['made', 'off'],
  CONFIRMATION_GRACE: ['soon', '7'],
  LOGIN_AFTER: ['login', 'signup,'],
  FEATURES_OFF: ['Users', 'users;name', 'users,'],
  HOOKS: ['no-such-file.js'],
  MAX_CONNECTIONS: ['0', '100001', 'off'],
  COMPRESSION: ['gzip', 'false'],
  TRUST_PROXY: ['-1', 'true', 'yes', '1.5', '127.0.0.1'],
  PASSWORD_MIN_LENGTH: ['5', '0', '-6', '129', 'six', '8.5'],
  SESSION_IDLE: ['1', '0d', '-1d', '1.5h', '1w', '1 d', 'day', '99999d'],
  SESSION_KEPT_IDLE: ['30'],
  SESSION_MAX: ['forever'],
  EVENTS_KEPT: ['0s'],
  METRICS_TOKEN: ['short', 'fifteen-letters', 'it has spaces in its middle'],
  METRICS_PORT: ['-1', '65536', 'on'],
  RATE_LIMITS: ['no', '0', 'OFF'],
  LIMIT_LOGIN_NAME: ['5', '0/5m', '5/0m', '5/5', '/5m', '5/', '5/5m/5m', '-5/5m', '5 per 5m'],
  LIMIT_LOGIN_ACCOUNT: ['50/hour'],
  LIMIT_LOGIN_NETWORK: ['100'],
  LIMIT_LOGIN_ROW: ['off'],
  LIMIT_LOGIN_DEVICE: ['20/15'],
  LIMIT_SIGNUP_NETWORK: ['20/1y'],
  MAIL: ['ON', 'no', 'smtp'],
  SMTP_URL: [
    'mail.example.com',
    'http://mail.example.com',
    'smtp:mail.example.com',
    'smtp://',
    'smtp://anna:s/cret@mail.example.com',
    'smtp://anna:s#cret@mail.example.com',
    'smtp://anna:s?cret@mail.example.com',
    'smtp://anna:%zzcret@mail.example.com',
    'smtp://mail.example.com:99999',
  ],
  MAIL_FROM: [
    'nobody',
    'Gate',
    'a@example.com, b@example.com',
    'a@example.com\r\nBcc: b@example.com',
    'Gate\n <a@example.com>',
  ],
  EMAIL_CONFIRMATION: ['yes', 'true', 'Required'],
  PRIVATE_EMAILS: ['yes', '1', 'TRUE'],
  PASSKEY_ORIGINS: ['example.de', 'http://example.de', 'https://example.de/shop', 'https://example.de,'],
  SECOND_STEP: ['everyone', 'on'],
  FACTOR_RECOVERY: ['on', '3', '23h', '31d'],
  SECOND_STEP_FROM: ['tomorrow', '2027-13-01', '1.3.2027', '2027-03-01T00:00'],
  LIMIT_MAIL_ADDRESS: ['5'],
  LIMIT_MAIL_ACCOUNT: ['5/hour'],
  LIMIT_MAIL_FAILURES: ['0/1d'],
  LIMIT_MAIL_NETWORK: ['off'],
  LIMIT_MAIL_PAUSE: ['1/0m'],
  LIMIT_CODE_ACCOUNT: ['10 a day'],
  LIMIT_RENAME_ACCOUNT: ['-5/1d'],
  TEMPLATES: ['nowhere', `test${delimiter}nowhere`, 'package.json'],
}

for (const [variable, values] of Object.entries(WRONG)) {
  for (const value of values) {
    test(`refuses ${variable}=${value.slice(0, 50)} with one error that names it`, () => {
      const sentences = mistakes({ [variable]: value })
      assert.is(sentences.length, 1)
      assert.match(sentences[0] ?? '', new RegExp(`^${variable} .+\\.$`))
    })
  }
}

test('all mistakes are reported at once', () => {
  const environment = Object.fromEntries(
    Object.entries(WRONG).map(([variable, [value]]) => [variable, value]),
  )
  const named = mistakes(environment).map((sentence) => sentence.split(' ', 1)[0])
  assert.equal(named.sort(), Object.keys(WRONG).sort())
})

test('a missing BASE_URL is reported with all other mistakes', () => {
  const named = mistakes({ NODE_ENV: 'production', PORT: 'http', MAIL: 'off' }).map(
    (sentence) => sentence.split(' ', 1)[0],
  )
  assert.equal(named.sort(), ['BASE_URL', 'PORT'])
})

test('a wrong BASE_URL is reported once in production', () => {
  assert.is(mistakes({ NODE_ENV: 'production', BASE_URL: 'example.com', MAIL: 'off' }).length, 1)
})

test('production needs BASE_URL, even if it is set but empty', () => {
  for (const BASE_URL of [undefined, '', '  ']) {
    const sentences = mistakes({ NODE_ENV: 'production', BASE_URL, MAIL: 'off' })
    assert.is(sentences.length, 1)
    assert.match(sentences[0] ?? '', /^BASE_URL .+\.$/)
  }
})

test('production with PostgreSQL needs SESSION_KEYS', () => {
  const onServer = { ...URL_IN_PRODUCTION, DATABASE_URL: 'postgres://db/site' }
  for (const SESSION_KEYS of [undefined, '', ' , ']) {
    const sentences = mistakes({ ...onServer, SESSION_KEYS })
    assert.is(sentences.length, 1)
    assert.match(sentences[0] ?? '', /^SESSION_KEYS .+\.$/)
  }
  assert.equal(mistakes({ ...onServer, SESSION_KEYS: ONE }), [])
})

for (const [what, environment, named] of [
  ['production, for a mail server', { ...URL_IN_PRODUCTION, MAIL: 'on' }, 'SMTP_URL'],
  ['SMTP_URL, for the address that links in emails begin with', { SMTP_URL: SMTP.SMTP_URL }, 'BASE_URL'],
  [
    'EMAIL_CONFIRMATION=required, for emails',
    { MAIL: 'off', EMAIL_CONFIRMATION: 'required' },
    'EMAIL_CONFIRMATION',
  ],
  ['PASSKEY_DOMAIN, for a host below it', { PASSKEY_DOMAIN: 'example.com' }, 'PASSKEY_DOMAIN'],
  [
    'PASSKEY_ORIGINS, for the address they are related to',
    { PASSKEY_ORIGINS: 'https://example.de' },
    'BASE_URL',
  ],
  ['SECOND_STEP_FROM, for a rule', { SECOND_STEP_FROM: '2027-03-01' }, 'SECOND_STEP'],
  ['PRIVATE_EMAILS=true, for confirmation', { PRIVATE_EMAILS: 'true' }, 'EMAIL_CONFIRMATION'],
] satisfies [string, Record<string, string>, string][]) {
  test(`needs a second setting: ${what}`, () => {
    const sentences = mistakes(environment)
    assert.is(sentences.length, 1)
    assert.match(sentences[0] ?? '', new RegExp(`^${named} .+\\.$`))
  })
}

test('the error about a missing mail server mentions MAIL=off', () => {
  assert.match(mistakes({ ...URL_IN_PRODUCTION, MAIL: '' }).join(), 'MAIL=off')
})

test('never shows the password of the mail server', () => {
  for (const SMTP_URL of WRONG.SMTP_URL ?? []) {
    assert.not.match(mistakes({ SMTP_URL, PORT: 'http' }).join(), 'cret')
  }
})

test('never shows the password of the database', () => {
  assert.not.match(mistakes({ DATABASE_URL: 'postgres://anna:se/cret@db/site' }).join(), 'cret')
})

test('never shows a key', () => {
  for (const value of [...(WRONG.SESSION_KEYS ?? []), 'a-secret-that-is-too-short']) {
    for (const part of value.split(/[,; ]/))
      assert.not.ok(mistakes({ SESSION_KEYS: value }).join().includes(part))
  }
})

test('an empty variable counts as not set', () => {
  const variables = ['NODE_ENV', 'HOST', ...Object.keys(WRONG)]
  for (const nothing of ['', ' ', '\t']) {
    assert.equal(readConfig(Object.fromEntries(variables.map((name) => [name, nothing]))), readConfig({}))
  }
  assert.equal(readConfig({ SESSION_KEYS: ' , ' }).sessionKeys, [])
})

test('ignores unknown variables', () => {
  const unknown = { PATH: '/bin', PORTS: 'http', port: 'http', GATEHOUSE: '1', SESSION_RECHECK_SECONDS: '30' }
  assert.equal(readConfig(unknown), readConfig({}))
})

test('returns an absolute database path', () => {
  assert.ok(isAbsolute(readConfig({ DATABASE_URL: 'sqlite:a.sqlite' }).database.slice('sqlite:'.length)))
  assert.ok(isAbsolute(readConfig({ DATABASE_URL: 'sqlite:a.sqlite' }).keyFile))
})

test('.env.example and docs/configuration.md name the default of every variable', () => {
  const example = readFileSync(join(root, '.env.example'), 'utf8')
  const set = [...example.matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value])
  assert.ok(set.length > 20)
  assert.equal(readConfig(Object.fromEntries(set)), readConfig({}))
  const page = readFileSync(join(root, 'docs', 'configuration.md'), 'utf8')
  for (const [name, value] of set.filter(([name = '']) => name.startsWith('LIMIT_'))) {
    assert.match(page, new RegExp(`^\\| \`${name}\` \\|.*\\| \`${value}\` \\|$`, 'm'))
  }
})

test('the config is frozen', () => {
  const config = readConfig({ SESSION_KEYS: ONE })
  assert.ok(Object.isFrozen(config))
  assert.throws(() => Object.assign(config, { port: 1 }), TypeError)
})

function shown(given: Record<string, string>): string {
  return Object.entries(given)
    .map(([name, value]) => `${name}=${value.slice(0, 30)}`)
    .join(' ')
}

test.run()
