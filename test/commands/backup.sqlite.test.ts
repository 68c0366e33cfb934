import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { migrateDatabase } from '../../src/database/migrate.js'
import {
  assertDone,
  assertRefused,
  callGatehouse,
  GATEHOUSE,
  IN_CONTAINER,
  type Outcome,
} from '../support/calling.js'
import { fileOf, freshFile, rows, write } from '../support/databases.js'
import { Site, until, Visitor } from '../support/helpers.js'
import { addressOf, launchSite, Program } from '../support/program.js'

interface Context {
  database: string
  backup: string
}

const test = suite<Context>('gatehouse backup')

test.before.each((context) => {
  context.database = freshFile()
  context.backup = join(dirname(fileOf(context.database)), 'backup.sqlite')
})

function backUp({ database, backup }: Context, ...args: string[]): Promise<Outcome> {
  return callGatehouse(['backup', backup, ...args], { database, apart: true })
}

/** Grows the database to some megabytes, which are copied in several steps. */
function enlarge(database: string): Promise<void> {
  return write(
    database,
    `insert into limits select hex(randomblob(2000)), 1, 0
     from (with recursive n(i) as (select 1 union all select i + 1 from n where i < 4000) select i from n)`,
  )
}

async function namesIn(file: string): Promise<string[]> {
  const found = await rows<{ name: string }>(`sqlite:${file}`, 'select name from users order by created_at')
  return found.map(({ name }) => name)
}

test('contains every sign-up acknowledged before it started, while others sign up', async (context) => {
  const { database, backup } = context
  const site = launchSite(dirname(fileOf(database)), {
    DATABASE_URL: database,
    LIMIT_SIGNUP_NETWORK: '1000/1h',
  })
  const address = await addressOf(site)
  await enlarge(database)
  await new Visitor(address).signUp('Before')
  const signedUp: string[] = []
  let isDone = false
  const signUps = async () => {
    for (let index = 0; !isDone; index++) {
      const { status } = await new Visitor(address).signUp(`During ${index}`)
      if (status === 303) signedUp.push(`During ${index}`)
    }
  }
  const running = signUps()
  const outcome = await backUp(context)
  isDone = true
  await running
  assertDone(outcome)
  assert.ok(signedUp.length > 0)
  const [first, ...others] = await namesIn(backup)
  assert.is(first, 'Before')
  assert.equal(others, signedUp.slice(0, others.length), 'as of one moment')
  assert.is(
    outcome.stdout.split('\n')[0],
    `Backed up to ${backup} and checked it. Users: ${others.length + 1}.`,
  )
  site.signal('SIGKILL')
  await site.end
})

test('finishes while another program keeps writing', async (context) => {
  const { database } = context
  await migrateDatabase(database)
  await enlarge(database)
  let isDone = false
  const backup = backUp(context).finally(() => {
    isDone = true
  })
  let writes = 0
  while (!isDone) {
    await write(database, `insert into limits values ('write ${writes++}', 1, 0)`)
    await new Promise((resolve) => setImmediate(resolve))
  }
  assertDone(await backup)
  assert.ok(writes > 20, `${writes} writes`)
})

test('creates one file with mode 0600 and says what else to keep', async (context) => {
  const { database, backup } = context
  const site = await Site.start({ database })
  const umask = process.umask(0)
  const { code, stdout } = await backUp(context)
  process.umask(umask)
  await site.close()
  assert.is(code, 0)
  assert.is(statSync(backup).mode & 0o777, 0o600)
  assert.equal(
    readdirSync(dirname(backup)).filter((name) => name.startsWith('backup')),
    ['backup.sqlite'],
  )
  assert.match(stdout, `The keys are not included. Keep ${fileOf(database)}.key in another place.`)
})

test('--with-key also copies the key file', async (context) => {
  const { database, backup } = context
  await (await Site.start({ database })).close()
  assertDone(await backUp(context, '--with-key'))
  assert.ok(readFileSync(`${backup}.key`).equals(readFileSync(`${fileOf(database)}.key`)))
  assert.is(statSync(`${backup}.key`).mode & 0o777, 0o600)
  const settings = { SESSION_KEYS: Buffer.alloc(32, 9).toString('base64url') }
  const other = await callGatehouse(['backup', `${backup}-2`, '--with-key'], { database, settings })
  assertRefused(other, 1, /^The keys are in SESSION_KEYS/)
  assert.not.ok(existsSync(`${backup}-2`))
})

test('overwrites nothing', async (context) => {
  await migrateDatabase(context.database)
  writeFileSync(context.backup, 'A letter.')
  assertRefused(await backUp(context), 1, /already exists\. Nothing was written\.$/m)
  assert.is(readFileSync(context.backup, 'utf8'), 'A letter.')
})

test('a killed backup leaves no file with its name', async ({ database, backup }) => {
  await migrateDatabase(database)
  await enlarge(database)
  const env = { DATABASE_URL: database }
  const program = new Program([GATEHOUSE, 'backup', backup], { cwd: tmpdir(), env })
  const parts = () => readdirSync(dirname(backup)).filter((name) => name.endsWith('.part'))
  await until(() => parts().length > 0, 'it has begun')
  program.signal('SIGKILL')
  assert.is(await program.end, 'SIGKILL')
  assert.not.ok(existsSync(backup))
  assertDone(await backUp({ database, backup }))
})

test('leaves the draft of a backup in another container alone', async ({ database, backup }) => {
  await migrateDatabase(database)
  const draft = `${backup}.1.part`
  writeFileSync(draft, 'Half a backup.')
  assertDone(await callGatehouse(['backup', backup], { database, node: IN_CONTAINER }))
  assert.is(readFileSync(draft, 'utf8'), 'Half a backup.')
})

test('says what is wrong, and names pg_dump for PostgreSQL', async (context) => {
  const { database } = context
  assertRefused(await backUp(context), 1, /^Database not found: /)
  await migrateDatabase(database)
  assertRefused(await backUp({ database, backup: '/nowhere/backup.sqlite' }), 1, /^Folder not found: /)
  assertRefused(await callGatehouse(['backup'], { database }), 2, /gatehouse backup <file>/)
  assertRefused(await backUp(context, 'b.sqlite'), 2, /gatehouse backup <file>/)
  for (const command of ['backup', 'restore']) {
    const outcome = await callGatehouse(
      [command, import.meta.filename.concat(command === 'backup' ? '-none' : '')],
      {
        database: 'postgres://127.0.0.1:1/none',
      },
    )
    assertRefused(outcome, 1, /^This command is for SQLite\. For PostgreSQL, use pg_dump and pg_restore/)
  }
})

test.run()
