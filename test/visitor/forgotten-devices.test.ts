import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DAY } from '../../src/base/durations.js'
import { Site, type Visitor } from '../support/helpers.js'

const test = suite('forgotten devices')
let site: Site

test.before(async () => {
  site = await Site.start({ environment: { LIMIT_SIGNUP_NETWORK: '100/1h' } })
})
test.after(() => site.close())

/** Returns how many emails were about a login on a new device. */
async function strangers(name: string): Promise<number> {
  const told = await site.mails(`${name}@example.com`, 0)
  return told.filter(({ subject }) => subject.startsWith('New login to your')).length
}

/** Logs in again in this browser, and returns whether it was known. */
async function isKnown(visitor: Visitor, name: string): Promise<boolean> {
  await site.emptyMailbox()
  visitor.agent.jar.setCookie('gatehouse=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT', '127.0.0.1', '/')
  await visitor.logIn(name)
  await site.allSent()
  return (await strangers(name)) === 0
}

/** Logs in in a new browser, and copies its cookies to a thief's. */
async function known(name: string): Promise<{ visitor: Visitor; thief: Visitor }> {
  const visitor = site.visitor()
  await visitor.logIn(name)
  const thief = site.visitor()
  for (const cookie of cookiesOf(visitor)) thief.agent.jar.setCookie(`${cookie}; path=/`, '127.0.0.1', '/')
  return { visitor, thief }
}

function cookiesOf(visitor: Visitor): string[] {
  const from = { domain: '127.0.0.1', path: '/', secure: false, script: false }
  return visitor.agent.jar.getCookies(from).map(({ name, value }) => `${name}=${value}`)
}

async function rowOf(visitor: Visitor): Promise<string> {
  const page = await visitor.open('/account/devices/')
  const [, row] = /(\/account\/devices\/[^/"]+\/revoke\/)/.exec(page.text) ?? []
  return row ?? ''
}

test('logging out one device makes only it and copies of its cookies unknown', async () => {
  const owner = await site.visitor().settle('Stranger')
  const { visitor: other } = await known('Stranger')
  const { visitor: lost, thief } = await known('Stranger')
  const revoke = await rowOf(lost)
  await owner.send(await owner.open('/account/devices/'), {}, revoke)
  assert.not.ok(await isKnown(thief, 'Stranger'))
  assert.not.ok(await isKnown(lost, 'Stranger'))
  assert.ok(await isKnown(lost, 'Stranger'), 'the login makes it known again')
  assert.ok(await isKnown(owner, 'Stranger'))
  assert.ok(await isKnown(other, 'Stranger'))
})

test('logging out a copy of this browser’s cookies keeps this browser known', async () => {
  await site.visitor().signUp('Copied')
  const { visitor, thief } = await known('Copied')
  assert.ok(await isKnown(thief, 'Copied'))
  await visitor.send(await visitor.open('/account/devices/'), {}, await rowOf(thief))
  assert.not.ok(await isKnown(thief, 'Copied'))
  assert.ok(await isKnown(visitor, 'Copied'))
})

test('only "forget" at logout, or its own row in the list, makes a device unknown', async () => {
  await site.visitor().signUp('Forgotten')
  const { visitor, thief } = await known('Forgotten')
  await visitor.send(await visitor.open('/logout/'))
  assert.ok(await isKnown(visitor, 'Forgotten'))
  await visitor.send(await visitor.open('/logout/'), { forget: 'on' })
  assert.not.ok(cookiesOf(visitor).some((cookie) => cookie.startsWith('gatehouse-device=')))
  assert.not.ok(await isKnown(visitor, 'Forgotten'))
  assert.not.ok(await isKnown(thief, 'Forgotten'))
  await visitor.send(await visitor.open('/account/devices/'), {}, await rowOf(visitor))
  assert.not.ok(await isKnown(visitor, 'Forgotten'))
})

test('"forget" at logout forgets only the account that is logged in', async () => {
  await site.visitor().signUp('First of two')
  await site.visitor().signUp('Second of two')
  const visitor = site.visitor()
  await visitor.logIn('First of two')
  await visitor.send(await visitor.open('/logout/'))
  await visitor.logIn('Second of two')
  await visitor.send(await visitor.open('/logout/'), { forget: 'on' })
  await visitor.logIn('First of two')
  const stamps = await site.rows<{ ended_devices: string }>(
    "select ended_devices from users where name like '%of two' order by name",
  )
  assert.equal(
    stamps.map(({ ended_devices }) => ended_devices === ''),
    [true, false],
  )
})

test('a device is known for 400 days after its last login', async () => {
  const own = await Site.start()
  await own.visitor().signUp('Old')
  const early = own.visitor()
  await early.logIn('Old')
  await own.emptyMailbox()
  own.clock.advance(400 * DAY)
  await early.logIn('Old')
  const told = await own.mail('Old@example.com')
  assert.match(told.subject, 'New login to your')
  await own.close()
})

test('above a maximum of ended devices, the stamp changes instead', async () => {
  const owner = await site.visitor().settle('Many')
  await site.write(`update users set ended_devices = '${'x '.repeat(40)}' where name = 'Many'`)
  const { visitor } = await known('Many')
  await owner.send(await owner.open('/account/devices/'), {}, await rowOf(visitor))
  const [row] = await site.rows<{ ended_devices: string }>(
    "select ended_devices from users where name = 'Many'",
  )
  assert.is(row?.ended_devices, '')
  assert.not.ok(await isKnown(visitor, 'Many'))
  assert.ok(await isKnown(owner, 'Many'))
})

test.run()
