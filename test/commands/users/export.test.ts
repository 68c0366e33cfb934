import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { foreignText } from '../../../src/secrets/foreign-hash.js'
import { portableHash } from '../../../src/secrets/foreign-phc.js'
import { FUECHSE, VECTORS } from '../../secrets/foreign-vectors.js'
import { assertDone, assertRefused, callGatehouse } from '../../support/calling.js'
import { migratedDatabase, PASSWORD, Site } from '../../support/helpers.js'

const test = suite('gatehouse users export')

test('is read by users import, and the users log in with their passwords', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
  const file = join(folder, 'users.ndjson')
  const database = await migratedDatabase()
  const site = await Site.start({ database })
  for (const name of ['Anna', 'Bela', 'Cora', 'Dora']) await site.visitor().signUp(name)
  const laravel = VECTORS.find(({ what }) => what === 'Laravel')?.hash
  assert.ok(laravel)
  await site.write(
    `update users set password_hash = '${foreignText(laravel)}', email_confirmed_at = 1000, language = 'de' where name = 'Bela'`,
  )
  await site.write("update users set disabled_at = 1000 where name = 'Cora'")
  await site.write("update users set closed_at = 1000 where name = 'Dora'")
  await site.close()

  const done = await callGatehouse(['users', 'export', file, '--ndjson', '--hashes'], { database })
  assertDone(done)
  assert.is(done.stdout, `Wrote 3 users to ${file}.\n`)
  assert.is(statSync(file).mode & 0o077, 0)
  assert.match(
    readFileSync(file, 'utf8'),
    '"passwordHash":"$2b$05$FVlWySKqDZjPO.8/K.uYsue9h.blq3j18Y5.EFYDSl/IkuhVSWzTC"',
  )
  assertRefused(
    await callGatehouse(['users', 'export', file, '--ndjson'], { database }),
    1,
    /already exists\. Nothing was written\./,
  )

  const another = await migratedDatabase()
  const brought = await callGatehouse(['users', 'import', file, '--from', 'ndjson'], { database: another })
  assertDone(brought)
  assert.is(brought.stdout, 'Imported 3 users.\n')
  const target = await Site.start({ database: another })
  target.clock.time = Date.now()
  assert.is((await target.visitor().logIn('Anna', { password: 'wrong' })).status, 406)
  assert.is((await target.visitor().logIn('Anna', { password: PASSWORD })).headers.location, '/')
  assert.is((await target.visitor().logIn('Bela', { password: FUECHSE })).headers.location, '/')
  assert.match((await target.visitor().logIn('Cora')).text, 'This account is disabled.')
  const [bela] = await target.rows("select email_confirmed_at, language from users where name = 'Bela'")
  assert.equal(bela, { email_confirmed_at: 1000, language: 'de' })
  await target.close()
  rmSync(folder, { recursive: true })
})

test('an export that fails leaves no file, so that it can be repeated', async () => {
  const database = await migratedDatabase()
  const site = await Site.start({ database })
  await site.visitor().signUp('Anna')
  await site.write('alter table users rename column language to spoken')
  await site.close()
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
  const file = join(folder, 'users.ndjson')
  const failed = await callGatehouse(['users', 'export', file, '--ndjson'], { database })
  assert.not.equal(failed.code, 0)
  assert.not.ok(existsSync(file))
  rmSync(folder, { recursive: true })
})

test('without --hashes there are none', async () => {
  const database = await migratedDatabase()
  const site = await Site.start({ database })
  await site.visitor().signUp('Anna')
  await site.close()
  const done = await callGatehouse(['users', 'export', '--ndjson'], { database })
  assertDone(done)
  const { username, email, ...others } = JSON.parse(done.stdout)
  assert.equal([username, email], ['Anna', 'Anna@example.com'])
  assert.not.match(JSON.stringify(others), /hash|argon2/i)
  assertRefused(
    await callGatehouse(['users', 'export'], { database }),
    2,
    /^Missing --ndjson\. Usage: gatehouse users export/,
  )
})

test('hashes with a common format are written in it', () => {
  const written = VECTORS.flatMap(({ what, hash }) =>
    hash === undefined ? [] : [{ what, text: portableHash(foreignText(hash)) }],
  )
  const startingWith = (start: string) =>
    written.filter(({ text }) => text.startsWith(start)).map(({ what }) => what)
  assert.equal(startingWith('$argon2'), [
    'Django argon2 with its default costs',
    'Django argon2i',
    'Django argon2i without a version',
    'Supabase Argon2id',
    'Supabase Argon2i',
    'Keycloak argon2',
  ])
  assert.equal(startingWith('$2b$'), ['Laravel', 'Phoenix'])
  assert.ok(
    written.some(
      ({ text }) => text === '$argon2id$v=19$m=102400,t=2,p=8$Y041dExhNkljRUUy$TMa6A8fPJhCAUXRhJXCXdw',
    ),
  )
  assert.is(portableHash('$argon2id$v=19$m=19456,t=2,p=1$x$y'), '$argon2id$v=19$m=19456,t=2,p=1$x$y')
})

test.run()
