import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { migratedDatabase, rows } from '../support/databases.js'
import { PASSWORD, type Page, Site, until, type Visitor } from '../support/helpers.js'

const test = suite('two nodes on one serializable database')

const NEW_PASSWORD = 'another horse 43'
const MANY = {
  LIMIT_SIGNUP_NETWORK: '1000/1h',
  LIMIT_LOGIN_NETWORK: '1000/1h',
  LIMIT_LOGIN_NAME: '1000/1h',
  LIMIT_MAIL_NETWORK: '1000/1h',
  LIMIT_MAIL_ADDRESS: '1000/1h',
}

let nodes: Site[] = []
let database = ''

// Refuses with 40001 each transaction that could not have run alone, as distributed servers do by default.
test.before(async () => {
  database = await migratedDatabase()
  const address = `${database}?options=-c%20default_transaction_isolation%3Dserializable`
  const start = () => Site.start({ database: address, environment: MANY })
  nodes = await Promise.all([start(), start()])
})

test.after(async () => {
  for (const node of nodes) await node.close()
})

/** Browsers that alternate between the two nodes. */
function visitors(count: number): Visitor[] {
  return Array.from({ length: count }, (_, index) => nodes[index % nodes.length]?.visitor()).filter(
    (visitor) => visitor !== undefined,
  )
}

function serializationFailures(): number {
  const lines = nodes
    .flatMap(({ logs }) => logs)
    .filter((line) => line.includes('retrying database transaction'))
  return lines.filter((line) => line.includes('could not serialize access')).length
}

function statuses(pages: readonly Page[]): number[] {
  return pages.map(({ status }) => status)
}

test('conflicting transactions all succeed, and nothing is lost', async () => {
  const people = visitors(16)
  const name = (index: number) => `Person ${index}`
  const all = (work: (visitor: Visitor, index: number) => Promise<Page>) => Promise.all(people.map(work))

  const signups = await all((visitor, index) => visitor.signUp(name(index)))
  assert.equal(new Set(statuses(signups)), new Set([303]))

  const logins = await all((visitor, index) => visitor.logIn(name(index)))
  assert.equal(new Set(statuses(logins)), new Set([303]))

  const changes = await all(async (visitor) =>
    visitor.send(await visitor.open('/account/password/'), {
      current: PASSWORD,
      password: NEW_PASSWORD,
      repassword: NEW_PASSWORD,
    }),
  )
  assert.equal(new Set(statuses(changes)), new Set([303]))

  // On the other node, in several browsers at once.
  const again = await Promise.all(
    visitors(people.length * 2)
      .reverse()
      .map((visitor, index) => visitor.logIn(name(index % people.length), { password: NEW_PASSWORD })),
  )
  assert.equal(new Set(statuses(again)), new Set([303]))
  const stored = await rows<{ name: string; sessions: number; mails: number }>(
    database,
    `select name, (select count(*) from sessions where user_id = users.id) as sessions,
       (select count(*) from mails where user_id = users.id and kind = 'password-changed') as mails
     from users order by created_at`,
  )
  assert.equal(stored.map((user) => user.name).sort(), people.map((_, index) => name(index)).sort())
  for (const user of stored) assert.equal([user.sessions, user.mails], [3, 1], user.name)
  assert.ok(serializationFailures() > 0, 'no transactions conflicted')
})

test('parallel sign-ups on both nodes: one gets the username', async () => {
  const before = serializationFailures()
  const pages = await Promise.all(visitors(16).map((visitor) => visitor.signUp('Contested')))
  assert.equal(
    statuses(pages).sort(),
    pages.map((_, index) => (index === 0 ? 303 : 406)),
  )
  assert.is((await rows(database, "select 1 from users where name = 'Contested'")).length, 1)
  assert.ok(serializationFailures() > before)
})

test('no email is sent by both nodes', async () => {
  const untaken = () => rows(database, 'select id from mails where tries = 0')
  await until(async () => (await untaken()).length === 0, 'every mail is taken')
  const taken = await rows<{ tries: number }>(database, 'select tries from mails')
  assert.ok(taken.length >= 17)
  // The nodes' clocks stand still, so that no node takes an email for left behind.
  assert.equal(new Set(taken.map(({ tries }) => tries)), new Set([1]))
})

test.run()
