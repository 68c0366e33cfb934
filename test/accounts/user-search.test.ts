import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { usersWithPrefix } from '../../src/accounts/user-search.js'
import { isPostgresUrl } from '../../src/database/locate.js'
import { type Database, openDatabase } from '../../src/tables/schema.js'
import { list } from '../../src/tables/users-list.js'
import { write } from '../support/databases.js'
import { migratedDatabase } from '../support/helpers.js'
import { planOf, queriesOf } from '../support/plans.js'

const MANY = 20_000

const test = suite<{ database: Database; path: string }>('search for users')

test.before(async (context) => {
  context.path = await migratedDatabase()
  const numbers = isPostgresUrl(context.path)
    ? `select n from generate_series(1, ${MANY}) n`
    : `with recursive s(n) as (select 1 union all select n + 1 from s where n < ${MANY}) select n from s`
  await write(
    context.path,
    `insert into users (id, name, name_key, slug, email, email_key, password_hash, signup_form, device_stamp, created_at, updated_at)
     select 'id' || n, 'user' || n, 'user' || n, 'user' || n, 'user' || n || '@example.com', 'user' || n || '@example.com', '', '', '', n, 0
     from (${numbers}) numbers`,
  )
  await write(
    context.path,
    "update users set name = 'Ödön', name_key = 'ödön', email_key = 'user5x@example.com' where id = 'id7'",
  )
  await write(context.path, "update users set disabled_at = 1, roles = 'admin' where id = 'id9'")
  await write(context.path, 'analyze')
  context.database = await openDatabase(context.path)
})
test.after(({ database }) => database.close())

async function pages(database: Database, text: string): Promise<string[][]> {
  const found: string[][] = []
  let after: string | undefined
  do {
    const { users, next } = await usersWithPrefix({ database }, text, { after })
    found.push(users.map(({ name }) => name))
    after = next ?? undefined
  } while (after !== undefined)
  return found
}

test('lists everyone whose name begins with the text, each once, 50 a page', async ({ database }) => {
  const found = await pages(database, 'USER19')
  const expected = Array.from({ length: MANY }, (_, index) => `user${index + 1}`).filter((name) =>
    name.startsWith('user19'),
  )
  assert.equal(found.flat(), expected.sort())
  assert.ok(
    found.slice(0, -1).every((page) => page.length === 50),
    found.map((page) => page.length).join(),
  )
})

test('finds users whose email address begins with the text, in order among the others', async ({
  database,
}) => {
  const found = (await pages(database, 'user5')).flat()
  assert.is(found.filter((name) => name === 'Ödön').length, 1)
  assert.is(found.length, 1 + 10 + 100 + 1000 + 1)
  assert.equal((await pages(database, 'öD')).flat(), ['Ödön'])
  assert.equal(await pages(database, 'user1234@'), [['user1234']])
  assert.equal(await pages(database, 'x'), [[]])
})

test('uses an index for the list, a beginning, a role and a rare state', async ({ database }) => {
  const searches: Record<string, () => Promise<unknown>> = {
    list: () => list(database.main, { limit: 50, newestFirst: true }),
    after: () =>
      list(database.main, { limit: 50, newestFirst: true, after: { createdAt: 9000, id: 'id9000' } }),
    beginning: () => usersWithPrefix({ database }, 'user19', { after: undefined }),
    disabled: () => list(database.main, { limit: 50, newestFirst: true, state: 'disabled' }),
    unconfirmed: () => list(database.main, { limit: 50, newestFirst: true, state: 'unconfirmed' }),
    role: () => list(database.main, { limit: 50, newestFirst: true, role: 'admin' }),
  }
  for (const [what, search] of Object.entries(searches)) {
    const queries = await queriesOf(database, search)
    assert.ok(queries.length > 0)
    for (const query of queries) {
      const plan = await planOf(database, query)
      assert.match(plan, /using (?:covering )?index|index scan|index only scan|bitmap/i, `${what}: ${plan}`)
      assert.not.match(plan, /seq scan on users|scan users(?! using)/i, `${what}: ${plan}`)
      // Few users have a role, so sorting them is cheap.
      if (what !== 'role') assert.not.match(plan, /temp b-tree for order by|"sort/i, `${what}: ${plan}`)
    }
  }
})

test.run()
