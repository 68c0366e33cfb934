import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DAY, MINUTE } from '../../src/base/durations.js'
import { PASSWORD, Site, type Visitor } from '../support/helpers.js'
import { codeAt, halfway, type SecondStep, settled, turnOn } from '../support/second-step.js'

const test = suite('attacks on turning two-step verification off by email')
let site: Site
let owner: Visitor
let anna: SecondStep

test.before.each(async () => {
  site = await Site.start({ environment: { LIMIT_LOGIN_NETWORK: '1000/1h', SESSION_IDLE: '30d' } })
  owner = await settled(site, 'Anna')
  anna = await turnOn(site, owner)
  site.clock.advance(4 * DAY)
  await site.emptyMailbox()
})
test.after.each(() => site.close())

const LOST = '/login/two-step/lost/'
const ADDRESS = 'Anna@example.com'
const CHOSEN = 'another horse 43'

const lostLink = () => site.mailThat(ADDRESS, ({ link }) => link.startsWith(LOST))

async function tokenOn(visitor: Visitor, path: string): Promise<string> {
  const page = await visitor.open(path)
  return new URLSearchParams({ _csrf: page.$('input[name="_csrf"]').attr('value') ?? '' }).toString()
}

/** Sends the form of each step, even if the page has none. */
async function pressAll(visitor: Visitor, path: string): Promise<void> {
  for (const step of ['', 'start/', 'finish/'])
    await visitor.post(`${LOST}${step}`, await tokenOn(visitor, path))
}

async function resetPassword(reader: Visitor): Promise<void> {
  await reader.send(await reader.open('/password/forgot/'), { username: 'Anna' })
  const mail = await site.mailThat(ADDRESS, ({ link }) => link.includes('/password/reset/'))
  await reader.send(await reader.follow(mail), { password: CHOSEN, repassword: CHOSEN })
}

async function assertNothingBegun(): Promise<void> {
  assert.equal(await site.rows('select 1 from users where second_ends_at is not null'), [])
  assert.equal(await site.rows("select 1 from events where kind like 'second_lost%'"), [])
  assert.is((await site.rows('select 1 from users where second_step_at is not null')).length, 1)
}

test('with the mailbox alone nothing starts, and a reset delays the email by 3 days', async () => {
  const thief = site.visitor()
  await pressAll(thief, '/login/')
  await assertNothingBegun()
  await resetPassword(thief)
  for (const days of [0, 1, 1, 1 - 1 / DAY]) {
    site.clock.advance(days * DAY)
    await halfway(thief, 'Anna').catch(() => undefined)
    await thief.logIn('Anna', { password: CHOSEN })
    await pressAll(thief, '/login/two-step/')
    await assertNothingBegun()
  }
  assert.equal(await site.rows("select 1 from mails where kind = 'second-lost'"), [])
})

test('with the mailbox and a reset it takes over 6 days, and the owner can stop it', async () => {
  const thief = site.visitor()
  await resetPassword(thief)
  await site.emptyMailbox()
  site.clock.advance(3 * DAY)
  await thief.logIn('Anna', { password: CHOSEN })
  await thief.send(await thief.open(LOST))
  await thief.send(await thief.follow(await lostLink()))
  site.clock.advance(3 * DAY - 1)
  await thief.logIn('Anna', { password: CHOSEN })
  await pressAll(thief, '/login/two-step/')
  assert.equal(await site.rows('select 1 from sessions'), [])
  // The owner resets the password, too.
  await resetPassword(owner)
  site.clock.advance(2)
  await thief.logIn('Anna', { password: CHOSEN })
  await pressAll(thief, '/login/two-step/')
  assert.equal(await site.rows("select 1 from events where kind = 'second_lost_done'"), [])
})

test('with the password alone nothing starts, and 3 emails are sent at most', async () => {
  const thief = site.visitor()
  for (let press = 0; press < 6; press++) {
    await halfway(thief, 'Anna')
    await pressAll(thief, '/login/two-step/')
    site.clock.advance(2 * MINUTE)
  }
  await site.allSent()
  await assertNothingBegun()
  assert.is((await site.rows("select 1 from mails where kind = 'second-lost'")).length, 3)
  await owner.send(await halfway(site.visitor(), 'Anna'), { code: anna.codes[0] })
  assert.is((await owner.open('/account/')).status, 200)
})

test('with password and mailbox it takes 3 days, and the owner can stop it', async () => {
  const thief = site.visitor()
  const steal = async () => {
    await thief.logIn('Anna')
    await thief.send(await thief.open(LOST))
    await thief.send(await thief.follow(await lostLink()))
    await site.emptyMailbox()
  }
  await steal()
  for (const days of [0, 1, 1, 1 - 1 / DAY]) {
    site.clock.advance(days * DAY)
    await thief.logIn('Anna')
    await pressAll(thief, '/login/two-step/')
    assert.is((await site.rows('select 1 from sessions')).length, 1)
  }
  await owner.send(await owner.open('/account/'), {}, '/account/two-step/keep/')
  await steal()
  await resetPassword(owner)
  site.clock.advance(30 * DAY)
  await thief.logIn('Anna')
  await pressAll(thief, '/login/')
  assert.equal(await site.rows("select 1 from events where kind = 'second_lost_done'"), [])
})

test('without a session it can be neither canceled nor turned off', async () => {
  const thief = site.visitor()
  await thief.logIn('Anna')
  for (const path of ['/account/two-step/keep/', '/account/two-step/off/'])
    assert.is((await thief.post(path, await tokenOn(thief, '/login/two-step/'))).status, 403)
})

test('the link starts nothing for an email scanner, nor for another account', async () => {
  const asking = site.visitor()
  await asking.logIn('Anna')
  await asking.send(await asking.open(LOST))
  const link = await lostLink()
  const scanner = site.visitor()
  await scanner.open(link.link)
  await pressAll(scanner, '/login/')
  await assertNothingBegun()
  await turnOn(site, await settled(site, 'Mallory'))
  site.clock.advance(1)
  const mallory = site.visitor()
  await mallory.logIn('Mallory')
  await mallory.open(link.link)
  await pressAll(mallory, '/login/two-step/')
  assert.equal(await site.rows('select 1 from users where second_ends_at is not null'), [])
})

test('after the wait, the owner’s code still stops it', async () => {
  const thief = site.visitor()
  await thief.logIn('Anna')
  await thief.send(await thief.open(LOST))
  await thief.send(await thief.follow(await lostLink()))
  site.clock.advance(3 * DAY)
  await thief.logIn('Anna', { password: PASSWORD })
  const page = await thief.open(LOST)
  const other = site.visitor()
  await other.send(await halfway(other, 'Anna'), { code: codeAt(anna.secret, site.clock.time) })
  await thief.send(page)
  assert.is((await thief.open('/account/')).status, 303)
  assert.is((await site.rows('select 1 from users where second_step_at is not null')).length, 1)
})

test.run()
