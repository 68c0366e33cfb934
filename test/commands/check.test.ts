import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { migrations } from '../../db/migrations/index.js'
import { openDatabase } from '../../src/tables/schema.js'
import { assertDone, callGatehouse, type Outcome } from '../support/calling.js'
import { fileOf, freshDatabase, migratedDatabase, rows, write } from '../support/databases.js'
import { Site } from '../support/helpers.js'
import { TestMailServer } from '../support/mail-server.js'
import { createUser, newUser } from '../support/rows.js'
import { settled, turnOn } from '../support/second-step.js'

const KEY = Buffer.alloc(32, 7).toString('base64url')
const PRODUCTION = {
  NODE_ENV: 'production',
  BASE_URL: 'https://example.com',
  TRUST_PROXY: '1',
  PASSWORD_MIN_LENGTH: '12',
  SESSION_KEYS: KEY,
  MAIL: 'off',
}
const isOnFile = process.env.TEST_DATABASE_URL === undefined

const test = suite('gatehouse check')

let database: string
test.before.each(async () => {
  database = await migratedDatabase()
  await (await Site.start({ database, environment: { SESSION_KEYS: KEY } })).close()
})

function check(settings: Record<string, string> = {}, args: string[] = []): Promise<Outcome> {
  return callGatehouse(['check', ...args], { database, settings: { ...PRODUCTION, ...settings } })
}

test('a well-configured site has no problems, and nothing is changed', async () => {
  const before = isOnFile ? readFileSync(fileOf(database)) : undefined
  const found = await check()
  assertDone(found)
  const lines = found.stdout.trimEnd().split('\n')
  for (const line of lines) assert.match(line, /^[✔⚠✘] [a-z]+: \S.*$/u)
  const fine = lines.filter((line) => line.startsWith('✔')).map((line) => line.split(/[ :]/)[1])
  const expected = [
    'environment',
    'keys',
    'cookie',
    'proxy',
    'passwords',
    'limits',
    'database',
    'migrations',
    'clock',
  ]
  assert.equal(
    fine.filter((about) => about !== 'disk'),
    expected,
  )
  assert.not.match(found.stdout, KEY)
  assert.equal(await rows(database, 'select * from limits'), [])
  if (before !== undefined) assert.ok(before.equals(readFileSync(fileOf(database))))
})

test('problems are listed as text and as JSON, with exit code 1', async () => {
  const settings = {
    BASE_URL: 'http://example.com',
    RATE_LIMITS: 'off',
    MAIL: 'on',
    SMTP_URL: 'smtp://anna:s3cret@127.0.0.1:9?requireTLS=false',
  }
  const found = await check(settings, ['--json'])
  assert.is(found.code, 1)
  const findings: { about: string; level: string; says: string }[] = JSON.parse(found.stdout)
  const wrong = findings.filter(({ level }) => level === 'wrong').map(({ about }) => about)
  assert.equal(wrong, ['cookie', 'limits', 'mail'])
  assert.not.match(found.stdout, 's3cret')
  const shown = await check(settings)
  assert.is(shown.code, 1)
  assert.match(shown.stdout, /^✘ mail: The mail server \(SMTP_URL\) does not work: .*ECONNREFUSED/m)
})

test('says how many users lack two-step verification if it is required', async () => {
  const opened = await openDatabase(database)
  for (const name of ['Anna', 'Bert', 'Cora']) assert.ok(await createUser(opened, newUser(name)))
  await opened.close()
  await write(database, "update users set second_step_at = 1 where name = 'Anna'")
  const found = await check({ SECOND_STEP: 'required' })
  assertDone(found)
  assert.match(found.stdout, /^⚠ two-step: .* Users without it: 2 of 3\./m)
  await write(database, 'update users set disabled_at = 1 where second_step_at is null')
  assert.match((await check({ SECOND_STEP: 'required' })).stdout, /^✔ two-step: /m)
})

test('reports an error while no admin has the second step that admins need', async () => {
  const admins = { SECOND_STEP: 'admins' }
  assert.match((await check(admins)).stdout, /^⚠ two-step: There is no admin yet/m)
  const opened = await openDatabase(database)
  for (const name of ['Anna', 'Bert', 'Cora']) assert.ok(await createUser(opened, newUser(name)))
  await opened.close()
  await write(database, "update users set roles = 'admin' where name <> 'Cora'")
  const refused = await check(admins)
  assert.is(refused.code, 1)
  assert.match(refused.stdout, /^✘ two-step: .* Admins without it: 2 of 2\./m)
  await write(database, "update users set second_step_at = 1 where name = 'Anna'")
  assert.match((await check(admins)).stdout, /^⚠ two-step: .* Admins without it: 1 of 2\./m)
  await write(database, "update users set second_step_at = 1 where name = 'Bert'")
  assert.match((await check(admins)).stdout, /^✔ two-step: /m)
})

test('finds passkeys that were created for another domain', async () => {
  const opened = await openDatabase(database)
  assert.ok(await createUser(opened, newUser('Anna')))
  await opened.close()
  await write(
    database,
    "insert into passkeys select 'key', id, 'public', 0, 0, 0, 1, '', '', 'old.example.com', '', 1, null from users",
  )
  const domain = new URL(PRODUCTION.BASE_URL).hostname
  assert.match((await check({})).stdout, /^⚠ passkeys: Passkeys created for another domain: 1\./m)
  await write(database, `update passkeys set rp_id = '${domain}'`)
  assert.not.match((await check({})).stdout, 'passkeys:')
})

test('finds authenticator apps that none of its keys can decrypt', async () => {
  const site = await Site.start({ database, environment: { SESSION_KEYS: KEY } })
  await turnOn(site, await settled(site, 'Anna'))
  await site.close()
  assert.not.match((await check()).stdout, 'authenticator apps:')
  const other = Buffer.alloc(32, 8).toString('base64url')
  const lost = await check({ SESSION_KEYS: other })
  assert.is(lost.code, 1)
  assert.match(lost.stdout, /^✘ authenticator apps: .* that the site does not have: 1\./m)
  assert.not.match((await check({ SESSION_KEYS: `${other},${KEY}` })).stdout, 'authenticator apps:')
})

test('warnings exit with 0', async () => {
  const newest = Object.keys(migrations).at(-1) ?? ''
  await write(database, `delete from kysely_migration where name = '${newest}'`)
  const found = await check({ NODE_ENV: 'development', PASSWORD_MIN_LENGTH: '6', TRUST_PROXY: '0' })
  assert.is(found.code, 0)
  for (const about of ['environment', 'passwords', 'proxy', 'mail']) {
    assert.match(found.stdout, new RegExp(`^⚠ ${about}: `, 'm'))
  }
  assert.match(
    found.stdout,
    new RegExp(`^⚠ migrations: Missing migrations: ${newest}\\. The next start runs them`, 'm'),
  )
})

test('reports wrong settings, a newer database and an unreachable one', async () => {
  const unset = await check({ SMTP_URL: 'nonsense' })
  assert.is(unset.code, 1)
  assert.match(unset.stdout, /^✘ settings: SMTP_URL must be /m)
  await write(database, "insert into kysely_migration (name, timestamp) values ('9999-later', '2030')")
  const newer = await check()
  assert.is(newer.code, 1)
  assert.match(newer.stdout, /^✘ database: .*a newer version of Gatehouse has migrated it/m)
  const away = await check({ DATABASE_URL: 'postgres://anna:s3cret@127.0.0.1:9/site' })
  assert.is(away.code, 1)
  assert.match(away.stdout, /^✘ database: Cannot use the database server 127\.0\.0\.1 .*ECONNREFUSED/m)
  assert.not.match(away.stdout, 's3cret')
})

test('logs in to the mail server and sends nothing', async () => {
  const account = { user: 'anna', password: 's3cret' }
  const server = await TestMailServer.start({ tls: 'when asked', account })
  const found = await check({ MAIL: 'on', SMTP_URL: server.url() })
  assert.is(found.code, 0, found.stdout)
  assert.match(found.stdout, /^✔ mail: /m)
  const refused = await check({ MAIL: 'on', SMTP_URL: server.url({ password: 'wr0ng' }) })
  assert.match(refused.stdout, /^✘ mail: .* does not work: .*535/m)
  assert.not.match(refused.stdout, 'wr0ng')
  assert.equal([server.logins, server.asked], [2, []])
  await server.stop()
})

test('reports outdated template overrides', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
  const copied = await callGatehouse(['templates', 'copy', 'login/page.html', '--folder', folder], {
    database,
  })
  assertDone(copied)
  assert.match((await check({ TEMPLATES: folder })).stdout, /^✔ templates: /m)
  const notes = JSON.parse(readFileSync(join(folder, '.gatehouse.json'), 'utf8'))
  notes.templates['login/page.html'].sha256 = 'another'
  writeFileSync(join(folder, '.gatehouse.json'), JSON.stringify(notes))
  writeFileSync(join(folder, 'login/page.html'), 'edited')
  assert.match(
    (await check({ TEMPLATES: folder })).stdout,
    /^⚠ templates: Outdated overrides in .*: login\/page\.html/m,
  )
  rmSync(folder, { recursive: true })
})

if (isOnFile) {
  test('reports a key file that others can read, and missing files', async () => {
    const keyFile = `${fileOf(database)}.key`
    writeFileSync(keyFile, KEY)
    chmodSync(keyFile, 0o644)
    const open = await check({ SESSION_KEYS: '' })
    assert.is(open.code, 1)
    assert.match(open.stdout, /^✘ keys: Other users can read the key file /m)
    chmodSync(keyFile, 0o600)
    assert.match((await check({ SESSION_KEYS: '' })).stdout, /^✔ keys: /m)
    const fresh = await check({ SESSION_KEYS: '', DATABASE_URL: `${await freshDatabase()}` })
    assert.is(fresh.code, 0)
    assert.match(fresh.stdout, /^⚠ database: There is no .* yet/m)
    assert.match(fresh.stdout, /^⚠ keys: There is no key file /m)
  })
}

test.run()
