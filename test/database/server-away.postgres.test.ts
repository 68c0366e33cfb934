import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PASSWORD, Site, until } from '../support/helpers.js'
import { PostgresServer } from '../support/postgres.js'

const BUSY = '⚠ This is not available right now. Try again in a few seconds.'

const test = suite('a database server that stops and comes back')
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
let server: PostgresServer
let site: Site

test.before(async () => {
  server = await PostgresServer.make(join(folder, 'server'))
  await server.start()
  site = await Site.start({ database: server.url })
  await site.visitor().signUp('Patient')
})
test.after(async () => {
  await site.close()
  await server.stop()
  rmSync(folder, { recursive: true })
})

async function whileAway(work: () => Promise<void>): Promise<void> {
  await server.stop()
  try {
    await work()
  } finally {
    await server.start()
  }
}

for (const htmx of [false, true]) {
  test(`${htmx ? 'htmx' : 'a plain browser'}: a form comes back filled in, and works later`, async () => {
    const visitor = site.visitor({ htmx })
    const form = await visitor.open('/login/')
    await whileAway(async () => {
      const page = await visitor.send(form, { username: 'Patient', password: PASSWORD })
      assert.is(page.status, 503)
      assert.ok(Number(page.headers['retry-after']) > 0)
      assert.equal(page.messages(), [BUSY])
      assert.is(page.isWhole, !htmx)
      assert.is(page.value('username'), 'Patient')
    })
    const again = await visitor.send(form, { username: 'Patient', password: PASSWORD })
    assert.is(again.status, htmx ? 200 : 303)
  })
}

test('the process is not ready meanwhile, and logins work again within 10 s', async () => {
  const stranger = site.visitor()
  await whileAway(async () => {
    assert.is((await stranger.open('/healthz')).status, 200)
    assert.is((await stranger.open('/readyz')).status, 503)
    assert.is((await stranger.open('/signup/')).status, 200, 'pages that need no database work')
  })
  const back = performance.now()
  await until(async () => (await stranger.open('/readyz')).status === 200)
  assert.is((await stranger.logIn('Patient')).status, 303)
  assert.ok(performance.now() - back < 10_000)
})

test('logged-in users are asked to wait, and stay logged in', async () => {
  const visitor = await site.visitor().settle('Stayer')
  await whileAway(async () => {
    const page = await visitor.open('/')
    assert.is(page.status, 503)
    assert.ok(page.isWhole)
    assert.equal(page.cookies, [])
  })
  assert.match((await visitor.open('/')).$('nav').text(), 'Stayer')
})

test.run()
