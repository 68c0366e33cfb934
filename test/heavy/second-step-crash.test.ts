import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { rows, settingsFor, write } from '../support/databases.js'
import { migratedDatabase, until, Visitor } from '../support/helpers.js'
import { Program } from '../support/program.js'
import { codeAt, codesOn, filled, halfway, keyOn } from '../support/second-step.js'

const test = suite('a site killed between using a code and storing its session')
const SITE = fileURLToPath(new URL('crash/site.js', import.meta.url))

let database: string
let site: Program

/** Starts the site in its own process. Without emails, an address needs no confirmation for two-step verification. */
async function start(): Promise<string> {
  site = new Program([SITE], {
    cwd: process.cwd(),
    env: { ...settingsFor(database), NODE_ENV: 'test', PORT: '0', MAIL: 'off', LOG_LEVEL: 'silent' },
  })
  const [, address = ''] = await site.says(/running at (http:[/]{2}[^/\s]+)/)
  return address
}

test.before.each(async () => {
  database = await migratedDatabase()
})
test.after.each(async () => {
  site.kill()
  await site.end
})

const isServer = () => database.startsWith('postgres')

/** Makes inserting a session with this method last until the process is killed. */
async function hold(method: string): Promise<void> {
  const when = `new.methods like '%${method}%'`
  if (isServer()) {
    await write(
      database,
      `create function hold() returns trigger language plpgsql as 'begin if ${when.replaceAll("'", "''")} then perform pg_sleep(60); end if; return new; end'`,
    )
    return write(
      database,
      'create trigger hold before insert on sessions for each row execute function hold()',
    )
  }
  const count =
    'with recursive n(i) as (select 1 union all select i + 1 from n limit 4000000000) select count(*) from n'
  await write(database, `create trigger hold before insert on sessions when ${when} begin ${count}; end`)
}

/** Whether the process is inserting it. */
async function isHeld(address: string): Promise<boolean> {
  if (isServer()) {
    const inside =
      "select 1 from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"
    return (await rows(database, inside)).length > 0
  }
  const response = fetch(`${address}/livez`, { signal: AbortSignal.timeout(1500) })
  return response.then(
    () => false,
    () => true,
  )
}

async function release(): Promise<void> {
  if (!isServer()) return write(database, 'drop trigger hold')
  await rows(
    database,
    "select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()",
  )
  await write(database, 'drop trigger hold on sessions')
}

async function stateOf(): Promise<{ begun: number; spent: number }> {
  const spent = [
    ...(await rows(database, 'select 1 from authenticator_apps where used_at is not null')),
    ...(await rows(database, 'select 1 from recovery_codes where used_at is not null')),
  ]
  const begun = await rows(
    database,
    "select 1 from sessions where methods like '% %' or methods = 'app password'",
  )
  return { begun: begun.length, spent: spent.length }
}

for (const method of ['app', 'recovery'] as const) {
  test(`${method} code: both are rolled back, and it logs in once after the restart`, async () => {
    const owner = new Visitor(await start())
    await owner.settle('Anna')
    const page = await owner.open('/account/authenticator/')
    const secret = keyOn(page)
    await owner.send(page, { code: codeAt(secret, Date.now()) })
    const [recovery = ''] = codesOn(await owner.open('/account/recovery-codes/'))
    await write(database, "update sessions set methods = 'password', second_at = null")
    const before = await stateOf()
    await hold(method)

    const address = await restarted()
    const visitor = new Visitor(address)
    const code = method === 'app' ? codeAt(secret, Date.now() + 30_000) : recovery
    const sent = visitor.post('/login/two-step/verify/', filled(await halfway(visitor, 'Anna'), code))
    const lost = sent.then(
      () => false,
      () => true,
    )
    await until(() => isHeld(address), 'the session is being stored')
    site.kill()
    assert.ok(await lost, 'no response came')
    await site.end
    await release()
    assert.equal(await stateOf(), before)

    const again = await start()
    const attempts = [new Visitor(again), new Visitor(again)]
    const pages = [
      await halfway(attempts[0] as Visitor, 'Anna'),
      await halfway(attempts[1] as Visitor, 'Anna'),
    ]
    const responses = await Promise.all(
      attempts.map((one, index) => one.send(pages[index] as (typeof pages)[number], { code })),
    )
    assert.is(responses.filter(({ headers }) => headers.location === '/').length, 1)
    assert.equal(await stateOf(), { begun: before.begun + 1, spent: before.spent + 1 })
  })
}

async function restarted(): Promise<string> {
  site.kill()
  await site.end
  return start()
}

test.run()
