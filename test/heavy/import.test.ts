import { createWriteStream, rmSync } from 'node:fs'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { GATEHOUSE, settled } from '../support/calling.js'
import { rows, settingsFor } from '../support/databases.js'
import { migratedDatabase, until } from '../support/helpers.js'
import { Program } from '../support/program.js'

const test = suite('an import of many users')
// A server takes several times as long for each.
const USERS = process.env.TEST_DATABASE_URL ? 20_000 : 100_000
// A heap in which 100,000 rows do not fit.
const SMALL_HEAP = '--max-old-space-size=64'
const BCRYPT = '$2y$05$FVlWySKqDZjPO.8/K.uYsue9h.blq3j18Y5.EFYDSl/IkuhVSWzTC'

let database: string
let folder: string

test.before(async () => {
  database = await migratedDatabase()
  folder = settled(settingsFor(database))
  const file = createWriteStream(join(folder, 'users.csv'))
  file.write('id,username,email,password_hash,confirmed_at,created_at\n')
  for (let user = 0; user < USERS; user++) {
    file.write(`${user},person${user},person${user}@example.com,${BCRYPT},2020-01-01,2019-01-01\n`)
  }
  await finished(file.end())
})
test.after(() => rmSync(folder, { recursive: true }))

function start(): Program {
  return new Program([SMALL_HEAP, GATEHOUSE, 'users', 'import', 'users.csv', '--from', 'csv'], {
    cwd: folder,
  })
}

async function count(table: string): Promise<number> {
  const [row] = await rows<{ count: number }>(database, `select count(*) as count from ${table}`)
  return Number(row?.count)
}

test('continues where it was killed, with little memory', async () => {
  const first = start()
  await until(async () => (await count('imports')) >= 2_000)
  first.kill()
  assert.is(await first.end, 'SIGKILL')
  const before = await count('imports')
  assert.ok(before >= 2_000 && before < USERS)
  assert.is(await count('users'), before, 'nobody is half imported')

  const second = start()
  assert.is(await second.end, 0, second.stderr)
  assert.is(second.stdout, `Imported ${USERS - before} users.\nImported before: ${before}.\n`)
  for (const table of ['users', 'slugs', 'imports', 'events']) assert.is(await count(table), USERS, table)
})

test.run()
