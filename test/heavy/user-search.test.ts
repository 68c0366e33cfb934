/*
 * How long admins wait for a page of users. USERS=1000000 creates as many as docs/admin.md reports, in some minutes.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { pageOf } from '../../src/accounts/listing.js'
import { usersWithPrefix } from '../../src/accounts/user-search.js'
import { isPostgresUrl } from '../../src/database/locate.js'
import { type Database, openDatabase } from '../../src/tables/schema.js'
import { count, countOpen, USER_STATES, type UserFilter } from '../../src/tables/users-list.js'
import { rows, write } from '../support/databases.js'
import { migratedDatabase } from '../support/helpers.js'
import { planOf, queriesOf } from '../support/plans.js'

const USERS = Number(process.env.USERS ?? 100_000)
const TRIES = 10
const MOST = 50

const test = suite<{ database: Database; path: string }>(`search among ${USERS} users`)

// One of ten is unconfirmed, of 1,000 closed, of 10,000 disabled, of 100,000 an admin.
test.before(async (context) => {
  context.path = await migratedDatabase()
  const numbers = isPostgresUrl(context.path)
    ? `select n from generate_series(1, ${USERS}) n`
    : `with recursive s(n) as (select 1 union all select n + 1 from s where n < ${USERS}) select n from s`
  const when = (every: number, then: string, other = 'null') =>
    `case when n % ${every} = 0 then ${then} else ${other} end`
  await write(
    context.path,
    `insert into users (id, name, name_key, slug, email, email_key, password_hash, signup_form, device_stamp, created_at, updated_at, email_confirmed_at, closed_at, disabled_at, roles)
     select 'id' || n, 'Person' || n, 'person' || n, 'person' || n, 'mail' || n || '@example.com', 'mail' || n || '@example.com', '', '', '', n, 0,
       ${when(10, 'null', '1')}, ${when(1_000, '1')}, ${when(10_000, '1')}, ${when(100_000, "'admin'", "''")}
     from (${numbers}) numbers`,
  )
  await write(context.path, 'analyze')
  context.database = await openDatabase(context.path)
})
test.after(({ database }) => database.close())

const all = (database: Database, filter: UserFilter, after?: number) =>
  pageOf(
    { database },
    {
      ...filter,
      limit: 50,
      newestFirst: true,
      after: after === undefined ? undefined : { createdAt: after, id: `id${after}` },
    },
  )

test('each page takes less than 50 ms and reads an index', async ({ database, path }) => {
  if (isPostgresUrl(path)) {
    const [found] = await rows<{ sorts: boolean }>(path, "select 'a' < 'B' as sorts")
    assert.is(found?.sorts, true, 'text sorts by language')
  }
  const begins = (text: string, after?: string, filter = {}) =>
    usersWithPrefix({ database }, text, { ...filter, after })
  const searches: Record<string, () => Promise<unknown>> = {
    'first page': () => all(database, {}),
    'a page in the middle': () => all(database, {}, USERS / 2),
    'names that begin like many': () => begins('person1'),
    'the same, in the middle': () => begins('person1', 'person15'),
    'addresses that begin like many': () => begins('mail1'),
    'the same, in their middle': () => begins('mail1', 'mail15'),
    'one name': () => begins(`person${USERS - 1}`),
    'one address': () => begins(`mail${USERS - 1}@example.com`),
    'nobody begins like that': () => begins('nobody'),
    ...Object.fromEntries(
      USER_STATES.map((state) => [`first page of ${state}`, () => all(database, { state })]),
    ),
    admins: () => all(database, { role: 'admin' }),
    'open, names that begin like many': () => begins('person1', undefined, { state: 'open' }),
  }
  const slow: string[] = []
  for (const [what, search] of Object.entries(searches)) {
    for (const query of await queriesOf(database, search)) {
      const plan = await planOf(database, query)
      assert.not.match(plan, /seq scan on users|scan users(?! using)/i, `${what}: ${plan}`)
    }
    const took = await medianOf(search)
    console.log(`${took.toFixed(1).padStart(7)} ms  ${what}`)
    if (took > MOST) slow.push(`${what}: ${took} ms`)
  }
  for (const state of USER_STATES)
    console.log(
      `${(await medianOf(() => (state === 'open' ? countOpen(database.main) : count(database.main, { state })))).toFixed(1).padStart(7)} ms  count of ${state}`,
    )
  assert.equal(slow, [])
})

async function medianOf(search: () => Promise<unknown>): Promise<number> {
  const took: number[] = []
  for (let tries = 0; tries < TRIES; tries++) {
    const begun = performance.now()
    await search()
    took.push(performance.now() - begun)
  }
  return took.sort((one, other) => one - other)[TRIES / 2] ?? Number.NaN
}

test.run()
