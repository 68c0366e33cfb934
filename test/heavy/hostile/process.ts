import { loginKeyOf } from '../../../src/accounts/fields.js'
import { LIMITS } from '../../../src/accounts/limit-rules.js'
import { DAY } from '../../../src/base/durations.js'
import { hashOf, newToken } from '../../../src/secrets/token.js'
import { openDatabase } from '../../../src/tables/schema.js'
import * as tokens from '../../../src/tables/tokens.js'
import * as users from '../../../src/tables/users.js'
import { Site } from '../../support/helpers.js'

/*
 * A site in its own process, so that its CPU time does not include sending requests. Its parent sends a username to get
 * emailed links, `confirm` or `second` with a username to confirm the email address or require a second step, `fill` to
 * store as much as an account can have, or nothing to get the CPU time so far.
 */
const OFTEN = { max: 999_999_999, window: DAY }

const site = await Site.start({
  // Passkeys need it.
  host: 'localhost',
  // Development would compile every template for every page.
  development: false,
  mail: 'caught',
  // Limits that count, but are never reached.
  limits: Object.fromEntries(Object.keys(LIMITS).map((rule) => [rule, OFTEN])),
  environment: { TRUST_PROXY: '1', EMAIL_CONFIRMATION: process.env.EMAIL_CONFIRMATION ?? 'optional' },
})
const database = await openDatabase(site.database)

async function linksOf(name: string): Promise<string[]> {
  const account = await users.byNameKey(database.main, loginKeyOf(name))
  if (account === undefined) throw new Error(`There is no ${name}.`)
  const made = (['password-reset', 'email-change'] as const).map(async (purpose) => {
    const token = newToken()
    await database.write((db) => tokens.insert(db, tokenFor(account, purpose, token)))
    return `/${purpose === 'password-reset' ? 'password/reset' : 'account/email/confirm'}/link/${token}/`
  })
  return Promise.all(made)
}

function tokenFor({ user }: users.Account, purpose: tokens.Purpose, token: string): tokens.NewToken {
  const { id: userId, email } = user
  if (email === null) throw new Error(`${user.name} has no address.`)
  const now = site.clock.now()
  const ends = { codeMac: null, codeExpiresAt: now, now, expiresAt: now + DAY }
  return { hash: hashOf(token), purpose, userId, email, emailKey: loginKeyOf(email), ...ends }
}

const COLUMNS: Record<string, string> = { confirm: 'email_confirmed_at', second: 'second_step_at' }

async function set(column: string, name: string): Promise<true> {
  await site.write(`update users set ${column} = 1 where name = '${name}'`)
  // A login at the same time would end the half login.
  site.clock.advance(1)
  return true
}

const USER_AGENT = `'a' || id || '${'Android 1.'.repeat(47)}'`

/** Each session was also used elsewhere, and its name and its browsers take long to show. */
async function fill(name: string): Promise<true> {
  const visitors = Array.from({ length: 39 }, () => site.visitor())
  for (const visitor of visitors) {
    site.clock.advance(1)
    await visitor.logIn(name)
  }
  await site.write(`update sessions set device_name = substr(id, 1, 30), user_agent = ${USER_AGENT},
    last_address = '192.0.2.1', last_user_agent = 'b' || ${USER_AGENT},
    jumped_at = 1, jump_address = '192.0.2.2', jump_user_agent = 'c' || ${USER_AGENT}`)
  await fillEvents(name)
  return true
}

async function fillEvents(name: string): Promise<void> {
  const numbers = 'with recursive numbers(n) as (select 0 union all select n + 1 from numbers where n < 1999)'
  await site.write(`${numbers} insert into events (id, user_id, kind, about, at, user_agent, address, actor)
    select printf('%015d%06d0000000000', ${site.clock.time}, n), users.id, 'device_named', substr(hex(randomblob(20)), 1, 40),
      n, 'a' || n || '${'Android 1.'.repeat(47)}', '192.0.2.1', 'self' from numbers, users where users.name = '${name}'`)
}

process.on('message', async (message) => {
  const [name = '', verb = ''] = String(message).split(' ').reverse()
  const column = COLUMNS[verb]
  if (verb === 'fill') process.send?.(await fill(name))
  else if (column !== undefined) process.send?.(await set(column, name))
  else process.send?.(name === '' ? process.cpuUsage() : await linksOf(name))
})
process.once('disconnect', async () => {
  await database.close()
  await site.close()
  process.exit()
})
process.send?.(site.address)
