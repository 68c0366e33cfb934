import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DAY } from '../../src/base/durations.js'
import { DeliveryError } from '../../src/mail/transport.js'
import { migratedDatabase, Site, until } from '../support/helpers.js'

const test = suite('counts of days')

type Counts = Record<string, number>

async function counts(site: Site): Promise<Counts> {
  const rows = await site.rows<{ id: string; count: number }>('select id, count from days')
  return Object.fromEntries(rows.map(({ id, count }) => [id, Number(count)]))
}

async function countsTo(site: Site, expected: Counts): Promise<void> {
  const isThere = async () => JSON.stringify(await counts(site)) === JSON.stringify(expected)
  await until(isThere, 'the counts').catch(() => {})
  assert.equal(await counts(site), expected)
}

test('two processes count the same days in UTC, and write the rest when they stop', async () => {
  const database = await migratedDatabase()
  const [one, other] = [await Site.start({ database }), await Site.start({ database })]
  for (const site of [one, other]) site.clock.time = Date.UTC(2026, 4, 1, 23, 59)
  await Promise.all([one.visitor().settle('Anna'), other.visitor().settle('Bert')])
  for (const site of [one, other]) site.clock.time = Date.UTC(2026, 4, 2)
  await one.visitor().logIn('Anna')
  await other.visitor().logIn('Bert', { password: 'wrong' })
  await other.visitor().logIn('nobody', { password: 'wrong' })
  await Promise.all([one.close(), other.close()])
  assert.equal(await counts(one), {
    '2026-05-01 logged_in': 2,
    '2026-05-01 signed_up': 2,
    '2026-05-02 logged_in': 1,
    '2026-05-02 login_failed': 2,
  })
})

test('an email that the server refuses for good is one failed email', async () => {
  const mail = {
    send: async () => {
      throw new DeliveryError('refused', '550 No such mailbox')
    },
  }
  const site = await Site.start({ mail, baseUrl: 'http://localhost' })
  await site.visitor().signUp('Anna')
  await until(async () => {
    site.clock.advance(61_000)
    return (await site.rows("select 1 from mails where state = 'failed'")).length > 0
  }, 'the email fails')
  await site.close()
  assert.equal(await counts(site), {
    '2026-01-01 mail_failed': 1,
    '2026-01-01 signed_up': 1,
  })
})

test('a table that cannot be written delays counts, but no visitor', async () => {
  const site = await Site.start()
  await site.write('alter table days rename to gone')
  assert.is((await site.visitor().signUp('Anna')).status, 303)
  await until(() => site.logs.some((line) => line.includes('counts waiting')), 'a write fails')
  assert.is((await site.visitor().logIn('Anna', { password: 'wrong' })).status, 406)
  await site.write('alter table gone rename to days')
  await countsTo(site, {
    '2026-01-01 login_failed': 1,
    '2026-01-01 signed_up': 1,
  })
  await site.close()
})

test('are deleted after 400 days', async () => {
  const database = await migratedDatabase()
  const before = await Site.start({ database })
  const days = [399, 400, 401].map((ago) =>
    new Date(before.clock.time - ago * DAY).toISOString().slice(0, 10),
  )
  await before.close()
  const values = days.map((day) => `('${day} logged_in', '${day}', 'logged_in', 1)`)
  await before.write(`insert into days (id, day, kind, count) values ${values.join()}`)
  const site = await Site.start({ database })
  await countsTo(site, { [`${days[0]} logged_in`]: 1, [`${days[1]} logged_in`]: 1 })
  await site.close()
})

test.run()
