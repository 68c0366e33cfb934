import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type AccountsOptions, accounts } from '../src/index.js'

/* Wrong options are errors before anything is opened. */

const test = suite('options')

const NEVER_MADE = join(tmpdir(), 'never-made.sqlite')
const HERE = `sqlite:${NEVER_MADE}`

test.after(() => assert.not(existsSync(NEVER_MADE)))

/** Returns the error for options that an app without types may pass. */
async function refusalOf(options: object): Promise<string> {
  const given: AccountsOptions = Object.assign({ database: HERE }, options)
  const gatehouse = await accounts(given).catch((error: unknown) => error)
  assert.instance(gatehouse, Error)
  return gatehouse instanceof Error ? gatehouse.message : ''
}

test('a wrong option is an error at start', async () => {
  for (const options of [{ prefix: 'members' }, { prefix: '/members/' }, { baseUrl: 'example.com' }]) {
    assert.match(await refusalOf(options), /^Option (prefix|baseUrl) must look like/)
  }
})

const SMTP = { url: 'smtp://anna:very-secret@mail.example.com', from: 'no-reply@example.com' }
const BASE_URL = 'https://example.com'

for (const [what, options, sentence] of [
  ['email without baseUrl', { mail: SMTP }, /^Option baseUrl must be set to send emails/],
  [
    'passkeyOrigins without baseUrl',
    { passkeyOrigins: ['https://example.de'] },
    /^Option passkeyOrigins needs baseUrl/,
  ],
  [
    'passkeyOrigins with a path',
    { passkeyOrigins: ['https://example.de/shop'], baseUrl: BASE_URL },
    /^Option passkeyOrigins must be an array of addresses like 'https:\/\/example.de'/,
  ],
  [
    'a malformed mail.url',
    { mail: { ...SMTP, url: 'smtp://anna:very-secret/@mail.example.com' }, baseUrl: BASE_URL },
    /^Option mail\.url must look like/,
  ],
  [
    'a malformed mail.from',
    { mail: { ...SMTP, from: 'nobody' }, baseUrl: BASE_URL },
    /^Option mail\.from must be/,
  ],
  [
    'a mail.from with a header in it',
    { mail: { ...SMTP, from: 'a@example.com\nBcc: b@example.com' }, baseUrl: BASE_URL },
    /^Option mail\.from must be/,
  ],
  ['confirmation without email', { emailConfirmation: 'required' }, /emailConfirmation cannot be 'required'/],
  [
    'private email addresses without confirmation',
    { mail: 'caught', privateEmails: true },
    /^Option privateEmails needs emailConfirmation: 'required'/,
  ],
] satisfies [string, Partial<AccountsOptions>, RegExp][]) {
  test(`${what} is an error at start that has no password`, async () => {
    const said = await refusalOf(options)
    assert.match(said, sentence)
    assert.not.match(said, 'secret')
  })
}

for (const [options, sentence] of [
  [{ passwordMinLenght: 8 }, 'Unknown option passwordMinLenght. Did you mean passwordMinLength?'],
  [{ sitename: 'Ours' }, 'Unknown option sitename. Did you mean siteName?'],
  [{ constructor: 'x' }, /^Unknown option constructor\. Did you mean \w+\?$/],
  [{ places: { hom: '/' } }, 'Unknown option places.hom. Did you mean places.home?'],
  [{ places: { afterLogin: undefined } }, 'Option places.afterLogin must be a path like /start.'],
  [{ places: { home: 'start' } }, 'Option places.home must be a path like /start.'],
  [{ places: { home: '//example.com' } }, 'Option places.home must be a path like /start.'],
  [{ lifetimes: { idel: 1 } }, 'Unknown option lifetimes.idel. Did you mean lifetimes.idle?'],
  [{ lifetimes: { idle: '1d' } }, 'Option lifetimes.idle must be a number of milliseconds.'],
  [{ limits: 'none' }, "Option limits must be 'off' or an object of limits."],
  [
    { limits: { loginName: { max: 0, window: 1 } } },
    'Option limits.loginName.max must be a whole number from 1 to 999999999.',
  ],
  [{ mail: 'on' }, "Option mail must be 'caught', 'off' or { url, from }."],
  [{ mail: { send: 'smtp' } }, 'Option mail.send must be a function.'],
  [{ mail: { adress: 'x' } }, /^Unknown option mail\.adress\. Did you mean mail\.\w+\?$/],
  [{ emailConfirmation: true }, 'Option emailConfirmation must be optional or required.'],
  [{ privateEmails: 'yes' }, 'Option privateEmails must be true or false.'],
  [{ passwordMinLength: 5 }, 'Option passwordMinLength must be a whole number from 6 to 128.'],
  [
    { passwordCosts: { memoryCost: 1 } },
    'Option passwordCosts.memoryCost must be a whole number from 8 to 4294967295.',
  ],
  [{ keys: 'A'.repeat(43) }, 'Option keys must be an array of strings.'],
  [{ keys: ['short'] }, 'Key 1 must be 32 bytes in base64url (43 characters).'],
  [{ keys: [] }, 'No key was given.'],
  ...['my shop', '', 'shop;', '__Host-shop', '__secure-shop', 'a'.repeat(41), 7].map(
    (cookieName): [object, string] => [
      { cookieName },
      'Option cookieName must be 1 to 40 letters, digits, - or _, without __ in front.',
    ],
  ),
  [{ siteName: 7 }, 'Option siteName must be a string.'],
  [{ messages: { a: 1 } }, 'Option messages must be an object of strings by code, or by code and language.'],
  [{ templates: '/templates' }, 'Option templates must be an array of folders.'],
  [
    { templates: ['/nowhere/at/all'] },
    'Option templates must be folders. Folder not found: /nowhere/at/all.',
  ],
  [{ onEvent: 'log' }, 'Option onEvent must be a function.'],
  [{ log: 'info' }, 'Option log must be a pino logger.'],
  [{ database: undefined }, /^Option database must be sqlite:<path>, postgres:\/\/…, /],
  [{ database: 'mysql://anna:secret@example.com/x' }, /^Option database must be sqlite:<path>, postgres:/],
  [{ database: 'sqlite::memory:' }, /^Option database must be sqlite:<path>, postgres:/],
  [{ database: {} }, /^Option database must be sqlite:<path>, postgres:/],
  [{ database: 'sqlite://shop.sqlite' }, /^Option database must be sqlite:<path> without \/\//],
  [{ database: { url: 'sqlite:///shop.sqlite' } }, /^Option database must be sqlite:<path> without \/\//],
  [{ database: 'sqlite:~/shop.sqlite' }, /^Option database must be sqlite:<path>, exactly as on disk/],
  [{ database: 'file:shop.sqlite' }, /^Option database must be sqlite:<path>, postgres:/],
  [{ database: { sqlite: HERE } }, 'Option database.sqlite must be a better-sqlite3 Database.'],
  [{ database: { postgres: HERE } }, 'Option database.postgres must be a pg Pool.'],
  [{ database: { url: HERE, schema: 'x' } }, 'Option database.schema is for PostgreSQL only.'],
  [{ database: { url: HERE, shema: 'x' } }, 'Unknown option database.shema. Did you mean database.schema?'],
] satisfies [object, string | RegExp][]) {
  test(`options ${JSON.stringify(options).slice(0, 40)} are an error at start`, async () => {
    const said = await refusalOf(options)
    if (typeof sentence === 'string') assert.is(said, sentence)
    else assert.match(said, sentence)
    assert.not.match(said, 'secret')
  })
}

test('accounts() without options throws', async () => {
  const gatehouse = await Reflect.apply(accounts, undefined, []).catch((error: unknown) => error)
  assert.match(String(gatehouse), 'Options are missing. Call accounts({ database: … }).')
})

test('a database on a server needs option keys', async () => {
  const said = await refusalOf({ database: 'postgres://user:secret@127.0.0.1:1/none' })
  assert.match(said, 'Option keys must be set')
  assert.not.match(said, 'secret')
})

test.run()
