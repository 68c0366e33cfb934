import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DAY } from '../../src/base/durations.js'
import { siteKeys } from '../../src/secrets/key-file.js'
import { createKeyring, splitKeys } from '../../src/secrets/keyring.js'
import { assertDone, assertRefused, callGatehouse, type Outcome } from '../support/calling.js'
import { migratedDatabase, rows, write } from '../support/databases.js'
import { PASSWORD, Site, until } from '../support/helpers.js'

const ONE = Buffer.alloc(32, 1).toString('base64url')
const TWO = Buffer.alloc(32, 2).toString('base64url')

const test = suite('gatehouse keys')

let database: string
test.before.each(async () => {
  database = await migratedDatabase()
})

function idOf(key: string): string {
  return createKeyring([key]).ids[0] ?? ''
}

function call(args: readonly string[], keys: readonly string[] = []): Promise<Outcome> {
  const settings: Record<string, string> = keys.length > 0 ? { SESSION_KEYS: keys.join(',') } : {}
  return callGatehouse(['keys', ...args], { database, settings })
}

/** Starts the site with these keys, or those of its file, and the real clock. Waits until it has recorded its keys. */
async function start(keys: readonly string[] = [], options: { mail?: 'caught' } = {}): Promise<Site> {
  const begun = Date.now()
  const environment: Record<string, string> = keys.length > 0 ? { SESSION_KEYS: keys.join(',') } : {}
  const site = await Site.start({ database, environment, now: Date.now, ...options })
  const current = idOf(keys[0] ?? keysInFile()[0] ?? '')
  const recorded = () => rows(database, 'select 1 from keys where id = ? and sealed_at >= ?', current, begun)
  await until(async () => (await recorded()).length > 0, 'the keys are recorded')
  return site
}

function keyFile(): string {
  return `${database.slice('sqlite:'.length)}.key`
}

function keysInFile(): readonly string[] {
  return siteKeys({ sessionKeys: [], keyFile: keyFile() })
}

async function restarted(site: Site, keys: readonly string[]): Promise<Site> {
  await site.close()
  return start(keys)
}

/** Makes the key's entry older by this time. */
function age(id: string, milliseconds: number): Promise<void> {
  const then = Date.now() - milliseconds
  return write(database, `update keys set noted_at = ${then}, sealed_at = ${then} where id = '${id}'`)
}

test('cookies, emails, codes and limits survive a rotation, but need the old key', async () => {
  let site = await start([ONE])
  const anna = site.visitor()
  await anna.signUp('Anna', { email: 'anna@example.com' })
  await anna.logIn('Anna')
  const asking = site.visitor()
  await asking.send(await asking.open('/password/forgot/'), { username: 'Anna' })
  const { code } = await site.mailThat(
    'anna@example.com',
    ({ code, subject }) => code !== '' && !/confirm/i.test(subject),
  )
  const stranger = site.visitor()
  for (let time = 0; time < 5; time++) {
    await stranger.send(await stranger.open('/login/'), { username: 'Anna', password: 'wrong' })
  }

  site = await restarted(site, [TWO, ONE])
  const moved = (visitor: typeof anna) => Object.assign(site.visitor(), { agent: carried(visitor, site) })
  const annaNow = moved(anna)
  assert.is((await annaNow.open('/account/')).status, 200, 'the session')
  const limited = moved(stranger)
  const refused = await limited.send(await limited.open('/login/'), { username: 'Anna', password: PASSWORD })
  assert.is(refused.status, 429, 'the limit')
  await annaNow.send(await annaNow.open('/logout/'), {})
  const known = await annaNow.send(await annaNow.open('/login/'), { username: 'Anna', password: PASSWORD })
  assert.is(known.status, 303, 'the known device, which the limit does not block')
  const asked = moved(asking)
  const reset = await asked.send(await asked.open('/password/reset/'), { username: 'Anna', code })
  assert.is(reset.status, 303, 'the code')

  const stranded = await restarted(site, [TWO])
  const outside = Object.assign(stranded.visitor(), { agent: carried(anna, stranded) })
  assert.is((await outside.open('/account/')).status, 303)
  await stranded.close()
})

function carried(visitor: ReturnType<Site['visitor']>, site: Site) {
  const { agent } = site.visitor()
  const cookies = visitor.agent.jar.getCookies({
    domain: '127.0.0.1',
    path: '/',
    secure: false,
    script: false,
  })
  for (const cookie of cookies) agent.jar.setCookie(cookie.toString(), '127.0.0.1', '/')
  return agent
}

test('lists keys by id, and refuses to drop a key that is needed', async () => {
  // A caught email stays in its row.
  const site = await start([ONE], { mail: 'caught' })
  await site.visitor().signUp('Anna')
  const visitor = site.visitor()
  await visitor.logIn('Anna')
  await site.allSent()
  await site.close()
  await write(database, "update mails set state = 'failed'")
  const [{ facts = '' } = {}] = await rows<{ facts: string }>(database, 'select facts from mails')
  assert.ok(facts)

  await (await start([TWO, ONE])).close()
  const ring = [TWO, ONE]
  const listed = await call(['list'], ring)
  assertDone(listed)
  assert.not.match(listed.stdout, ONE)
  assert.match(listed.stdout, new RegExp(`^${idOf(TWO)} .* current$`, 'm'))
  assert.match(listed.stdout, new RegExp(`^${idOf(ONE)} .* still used by a process with older keys`, 'm'))
  assertRefused(
    await call(['drop', idOf(ONE)], ring),
    1,
    /^A process still encrypts with the key .{8}\. Restart all/,
  )

  await age(idOf(ONE), DAY)
  await write(database, `update sessions set authenticated_at = ${Date.now() - 2 * DAY}`)
  const needed =
    /^The key .{8} is still needed by 1 session, \d+ emails?, (?:\d codes?, )?known devices until \d{4}-/
  assertRefused(await call(['drop', idOf(ONE)], ring), 1, needed)
  const [, old] = JSON.parse((await call(['list', '--json'], ring)).stdout)
  assert.equal([old.id, old.current, old.sessions], [idOf(ONE), false, 1])

  await age(idOf(ONE), 401 * DAY)
  await write(database, `update sessions set authenticated_at = ${Date.now()}`)
  assertRefused(await call(['drop', idOf(ONE)], ring), 1, /^The key .{8} is still needed by \d+ emails?\.$/m)
  await write(database, 'delete from mails')
  assert.match((await call(['list'], ring)).stdout, / can be dropped$/m)
  const dropped = await call(['drop', idOf(ONE)], ring)
  assert.equal([dropped.code, dropped.stdout], [0, `${TWO}\n`])

  assertRefused(
    await call(['drop', idOf(TWO)], ring),
    1,
    /^The key .{8} is the current one\. Run gatehouse keys rotate first/,
  )
  assertRefused(await call(['drop', 'x'], ring), 1, /^No key has the id x\. /)
})

test('drop --force removes a key that is needed', async () => {
  await (await start([TWO, ONE])).close()
  assertRefused(await call(['drop', idOf(ONE)], [TWO, ONE]), 1, /is still needed by known devices/)
  assert.is((await call(['drop', idOf(ONE), '--force'], [TWO, ONE])).stdout, `${TWO}\n`)
})

test('rotate prints only the new value of SESSION_KEYS to standard output', async () => {
  await (await start([ONE])).close()
  const rotated = await call(['rotate'], [ONE])
  assert.is(rotated.code, 0)
  const [key = '', ...others] = splitKeys(rotated.stdout.trim())
  assert.equal(others, [ONE])
  assert.ok(idOf(key) !== idOf(ONE))
  assert.match(rotated.stderr, /^This is the new value of SESSION_KEYS\. .*use --prepare instead: .*\n$/)
  assert.not.match(rotated.stderr, key)
})

test('rotate in two steps: every node can decrypt what the others encrypt', async () => {
  await (await start([ONE])).close()
  assertRefused(await call(['rotate', '--prepared'], [ONE]), 1, /^There is no prepared key\. /)
  const prepared = splitKeys((await call(['rotate', '--prepare'], [ONE])).stdout.trim())
  assert.equal([prepared.length, prepared[0]], [2, ONE])
  const tooSoon = await call(['rotate', '--prepared'], prepared)
  assertRefused(tooSoon, 1, /^No node has the key .{8} yet\. /)
  const former = await start([ONE])
  const newer = await start(prepared)
  await Promise.all([former.close(), newer.close()])
  const [added = ''] = prepared.slice(-1)
  const promoted = await call(['rotate', '--prepared'], prepared)
  assert.equal([promoted.code, promoted.stdout], [0, `${added},${ONE}\n`])
})

if (process.env.TEST_DATABASE_URL === undefined) {
  test('rotate changes the key file, and the site uses the new key when restarted', async () => {
    await (await start()).close()
    const [old = ''] = keysInFile()
    const rotated = await call(['rotate'])
    assertDone(rotated)
    assert.match(rotated.stdout, /^Added a new current key\. Restart the site/)
    const [key = '', ...others] = keysInFile()
    assert.equal(others, [old])
    assert.not.match(rotated.stdout, key)
    assert.is(statSync(keyFile()).mode & 0o777, 0o600)
    assert.equal(
      readdirSync(dirname(keyFile())).filter((name) => /\.key/.test(name)),
      ['test.sqlite.key'],
    )
    await (await start()).close()
    assert.match((await call(['list'])).stdout, new RegExp(`^${idOf(key)} .* current$`, 'm'))
    await age(idOf(old), 401 * DAY)
    assertDone(await call(['drop', idOf(old)]))
    assert.equal(keysInFile(), [key])
  })

  test('rotate does not change a damaged, locked or missing key file', async () => {
    await (await Site.start({ database })).close()
    writeFileSync(`${keyFile()}.new`, '')
    const before = readFileSync(keyFile(), 'utf8')
    assertRefused(await call(['rotate']), 1, /\.key\.new exists: another command is changing the keys/)
    assert.is(readFileSync(keyFile(), 'utf8'), before)
    rmSync(`${keyFile()}.new`)
    writeFileSync(keyFile(), 'damaged')
    assertRefused(await call(['rotate']), 1, /The key file .* is damaged/)
    assert.is(readFileSync(keyFile(), 'utf8'), 'damaged')
    rmSync(keyFile())
    assertRefused(await call(['rotate']), 1, /^There is no key file /)
    assert.not.ok(existsSync(keyFile()))
  })
}

test('wrong usage gets an error that says what is missing', async () => {
  assert.match(
    (await call(['rotate', '--help'])).stdout,
    /^Usage: gatehouse keys rotate \[--prepare \| --prepared\]$/m,
  )
  assertRefused(await call(['rotate', '--prepare', '--prepared']), 2, /not both/)
  assertRefused(await call(['drop']), 2, /^Missing key id/)
  assertRefused(await call([]), 2, /^Missing command/)
})

test.run()
