import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { FUECHSE } from '../../secrets/foreign-vectors.js'
import { assertDone, assertRefused, callGatehouse, type Outcome } from '../../support/calling.js'
import { migratedDatabase, Site } from '../../support/helpers.js'
import { codeAt } from '../../support/second-step.js'

const test = suite('gatehouse users import')
let database: string
let site: Site
let file: string

test.before.each(async () => {
  database = await migratedDatabase()
  site = await Site.start({ database })
  // The commands use the machine's clock.
  site.clock.time = Date.now()
  file = join(mkdtempSync(join(tmpdir(), 'gatehouse-test-')), 'users')
})
test.after.each(async () => {
  rmSync(join(file, '..'), { recursive: true })
  await site.close()
})

function call(...args: string[]): Promise<Outcome> {
  return callGatehouse(['users', 'import', file, ...args], { database })
}

const BCRYPT = '$2y$05$FVlWySKqDZjPO.8/K.uYsue9h.blq3j18Y5.EFYDSl/IkuhVSWzTC'

const HEADER = 'id,username,email,password_hash,confirmed_at,created_at,language,disabled'

function csv(...rows: string[]): void {
  writeFileSync(file, [HEADER, ...rows, ''].join('\n'))
}

function refused(): string[] {
  return readFileSync(`${file}.refused.csv`, 'utf8').trim().split('\r\n').slice(1)
}

test('users log in with their old password, which is rehashed', async () => {
  csv(
    `1,Anna,Anna@Example.com,${BCRYPT},2020-05-06 07:08:09,2019-01-01,de,`,
    `2,Bela,bela@example.com,aa11581747cfcb395389149175070080,,,,`,
    '3,Cora,cora@example.com,,,,,',
    `4,Dora,dora@example.com,${BCRYPT},,,,yes`,
  )
  const done = await call('--from', 'csv')
  assertDone(done)
  assert.is(done.stdout, 'Imported 4 users.\nWithout a password: 1. They can choose one by email.\n')
  const [anna, bela] = await site.rows<Record<string, unknown>>(
    'select name, email, email_key, email_confirmed_at, created_at, language, password_hash from users order by name',
  )
  assert.equal(
    { ...anna, password_hash: '' },
    {
      name: 'Anna',
      email: 'Anna@example.com'.replace('example', 'Example'),
      email_key: 'anna@example.com',
      email_confirmed_at: Date.UTC(2020, 4, 6, 7, 8, 9),
      created_at: Date.UTC(2019, 0, 1),
      language: 'de',
      password_hash: '',
    },
  )
  assert.match(String(bela?.password_hash), /"scheme":"digest".*"wrapped":"\$argon2id\$/)
  assert.not.match(String(bela?.password_hash), 'qhFYF0f8')
  for (const name of ['Anna', 'Bela']) {
    assert.is((await site.visitor().logIn(name, { password: 'wrong' })).status, 406)
    assert.is((await site.visitor().logIn(name, { password: FUECHSE })).headers.location, '/')
  }
  assert.match((await site.visitor().logIn('Dora', { password: FUECHSE })).text, 'This account is disabled.')
  for (const list of ['refused', 'renamed']) assert.not.ok(existsSync(`${file}.${list}.csv`))
  const kinds = await site.rows("select actor from events where kind = 'account_imported'")
  assert.equal(kinds, Array(4).fill({ actor: 'cli:users import' }))
  assert.equal(await site.rows("select 1 from mails where kind <> 'login-new-device'"), [])
})

test('a second run skips users, even those that were deleted', async () => {
  csv(`1,Anna,anna@example.com,${BCRYPT},,,,`, `2,Bela,bela@example.com,${BCRYPT},,,,`)
  assertDone(await call('--from', 'csv'))
  await site.write(
    "update users set name = 'Annika' where name = 'Anna'; delete from users where name = 'Bela'",
  )
  csv(`1,Anna,anna@example.com,,,,,`, `2,Bela,bela@example.com,,,,,`, `3,Cora,cora@example.com,${BCRYPT},,,,`)
  const again = await call('--from', 'csv')
  assertDone(again)
  assert.is(again.stdout, 'Imported 1 users.\nImported before: 2.\n')
  assert.equal(await site.rows('select name from users order by name'), [
    { name: 'Annika' },
    { name: 'Cora' },
  ])
})

test('rows that cannot be imported are listed with a code, in a private file', async () => {
  await site.visitor().signUp('Anna')
  csv(
    `1,anna,other@example.com,${BCRYPT},,,,`,
    `2,Bela,anna@EXAMPLE.com,${BCRYPT},,,,`,
    `3,Cora,not an address,${BCRYPT},,,,`,
    '4,Dora,dora@example.com,$2y$20$FVlWySKqDZjPO.8/K.uYsue9h.blq3j18Y5.EFYDSl/IkuhVSWzTC,,,,',
    `,Edit,edit@example.com,${BCRYPT},,,,`,
    `6,a!b?,six@example.com,${BCRYPT},,,,`,
    `7,Six Again,six@example.com,${BCRYPT},,,,`,
    `8,Flora,flora@example.com,${BCRYPT},,,,`,
    `9,FLORA,flora2@example.com,${BCRYPT},,,,`,
    `9,Gerda,gerda@example.com,${BCRYPT},,,,`,
  )
  const outcome = await call('--from', 'csv')
  assert.is(outcome.code, 1)
  assert.is(
    outcome.stdout,
    `Imported 2 users.\nRenamed: 1. They are in ${file}.renamed.csv.\nRefused: 8. They are in ${file}.refused.csv.\n`,
  )
  assert.equal(refused().sort(), [
    ',Edit,edit@example.com,id_missing',
    '1,anna,other@example.com,username_taken',
    '2,Bela,anna@EXAMPLE.com,email_taken',
    '3,Cora,not an address,email_invalid',
    '4,Dora,dora@example.com,hash_unusable',
    '7,Six Again,six@example.com,email_taken',
    '9,FLORA,flora2@example.com,username_taken',
    '9,Gerda,gerda@example.com,id_twice',
  ])
  assert.is(
    readFileSync(`${file}.renamed.csv`, 'utf8'),
    '\uFEFFid,former username,username\r\n6,a!b?,a b\r\n',
  )
  for (const list of ['refused', 'renamed']) assert.is(statSync(`${file}.${list}.csv`).mode & 0o077, 0)
  assert.equal(
    await site.rows("select about from events where kind = 'account_imported' and about is not null"),
    [{ about: 'a!b? → a b' }],
  )
})

test('--dry-run says what would happen, and changes nothing', async () => {
  csv(`1,Anna,anna@example.com,${BCRYPT},,,,`, `2,ANNA,bela@example.com,${BCRYPT},,,,`)
  const trial = await call('--from', 'csv', '--dry-run')
  assert.is(trial.code, 1)
  assert.match(trial.stdout, /^Would import 1 users\. Nothing was changed\.\nRefused: 1\./)
  for (const table of ['users', 'imports', 'events', 'slugs']) {
    assert.equal(await site.rows(`select 1 from ${table}`), [], table)
  }
})

const SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
const SEND = { SMTP_URL: 'smtp://127.0.0.1:9', BASE_URL: 'http://127.0.0.1:3000' }

test('users with an authenticator app need its next code, and can make recovery codes', async () => {
  const app = `otpauth://totp/Shop:anna?secret=${SECRET}&issuer=Shop`
  writeFileSync(
    file,
    `id,username,email,password_hash,confirmed,totp_secret\n1,Anna,anna@example.com,${BCRYPT},yes,${app}\n`,
  )
  const done = await call('--from', 'csv')
  assertDone(done)
  assert.is(done.stdout, 'Imported 1 users.\nWith an authenticator app: 1.\n')
  const [stored] = await site.rows<{ secret: string; step: number }>(
    'select secret, last_step as step from authenticator_apps',
  )
  assert.not.match(stored?.secret ?? SECRET, SECRET)
  // The command may run in the next 30 seconds.
  site.clock.time = Math.max(site.clock.time, (stored?.step ?? 0) * 30_000)
  assert.equal(await site.rows('select kind, actor from events order by kind'), [
    { kind: 'account_imported', actor: 'cli:users import' },
    { kind: 'second_on', actor: 'cli:users import' },
  ])

  const visitor = site.visitor()
  const asked = await visitor.logIn('Anna', { password: FUECHSE })
  assert.is(asked.headers.location, '/login/two-step/')
  const page = await visitor.open('/login/two-step/')
  const used = await visitor.send(page, { code: codeAt(SECRET, site.clock.time) })
  assert.is(used.status, 406, 'the code of the import may have been used before')
  site.clock.advance(30_000)
  const right = await visitor.send(page, { code: codeAt(SECRET, site.clock.time) })
  assert.is(right.headers.location, '/')
  assert.is((await visitor.open('/account/two-step/')).status, 200)
  const made = await visitor.send(await visitor.open('/account/recovery-codes/'))
  assert.ok(made.status < 400, made.text)
})

test('an app that cannot be used, or of an address that is not confirmed, is refused', async () => {
  writeFileSync(
    file,
    [
      'id,username,email,password_hash,confirmed,totp_secret',
      `1,Anna,anna@example.com,${BCRYPT},yes,otpauth://totp/Anna?secret=${SECRET}&digits=8`,
      `2,Bela,bela@example.com,${BCRYPT},,${SECRET}`,
      `3,Cora,cora@example.com,${BCRYPT},yes,${SECRET}`,
      '',
    ].join('\n'),
  )
  const args = ['users', 'import', file, '--from', 'csv']
  const sending = { database, settings: SEND }
  const trial = await callGatehouse([...args, '--dry-run'], sending)
  assert.is(trial.code, 1)
  assert.match(trial.stdout, /^Would import 1 users\..+\nWith an authenticator app: 1\.\nRefused: 2\./)
  assert.equal(refused(), ['1,Anna,anna@example.com,app_unusable', '2,Bela,bela@example.com,app_unconfirmed'])
  for (const table of ['users', 'authenticator_apps'])
    assert.equal(await site.rows(`select 1 from ${table}`), [])
  assert.is((await callGatehouse(args, sending)).code, 1)
  assert.equal(await site.rows('select name from users'), [{ name: 'Cora' }])

  const off = await callGatehouse([...args, '--confirmed', 'none'], { database, settings: { MAIL: 'off' } })
  assert.match(off.stdout, /^Imported 1 users\.\nImported before: 1\.\nWith an authenticator app: 1\./)

  writeFileSync(file, `id,username,password_hash,totp_secret\n4,Dora,${BCRYPT},${SECRET}\n`)
  const without = await callGatehouse(args, { database, settings: { EMAILS: 'none' } })
  assert.match(without.stdout, /^Imported 1 users\.\nWith an authenticator app: 1\./)
})

test('with private emails it needs --wrap, and an unconfirmed address claims nothing', async () => {
  csv(`1,Anna,anna@example.com,${BCRYPT},,,,`, `2,Bela,anna@example.com,${BCRYPT},2020-01-01,,,`)
  const settings = { PRIVATE_EMAILS: 'true', EMAIL_CONFIRMATION: 'required' }
  const args = ['users', 'import', file, '--from', 'csv']
  assertRefused(await callGatehouse(args, { database, settings }), 2, /^With PRIVATE_EMAILS=true add --wrap/)
  const done = await callGatehouse([...args, '--wrap'], { database, settings })
  assertDone(done)
  const stored = await site.rows<Record<string, string>>(
    'select email_key, password_hash from users order by name',
  )
  assert.match(stored[0]?.email_key ?? '', /^unconfirmed /)
  assert.is(stored[1]?.email_key, 'anna@example.com')
  for (const { password_hash } of stored) assert.match(password_hash ?? '', /"wrapped":"\$argon2id/)
  assert.is((await site.visitor().logIn('Bela', { password: FUECHSE })).headers.location, '/')
})

test('wrong usage gets one sentence', async () => {
  csv()
  assertRefused(
    await callGatehouse(['users', 'import'], { database }),
    2,
    /^Missing file\. Usage: gatehouse users import /,
  )
  assertRefused(await call('--from', 'excel'), 2, /^--from must be one of django, devise,/)
  assertRefused(await call('--from', 'firebase'), 2, /^Missing --hash-config/)
})

test.run()
