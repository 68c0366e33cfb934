import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Site, until } from '../support/helpers.js'
import { codeAt, halfway, settled, turnOn } from '../support/second-step.js'

const test = suite('secrets of authenticator apps')

const [ONE = '', TWO = ''] = [1, 2].map((byte) => Buffer.alloc(32, byte).toString('base64url'))

function start(database: string | undefined, keys: string): Promise<Site> {
  return Site.start({ ...(database && { database }), environment: { SESSION_KEYS: keys } })
}

async function stored(site: Site): Promise<string> {
  const [row] = await site.rows<{ secret: string }>('select secret from authenticator_apps')
  return row?.secret ?? ''
}

test('are encrypted again with a new key, so that the old key can be removed', async () => {
  const first = await start(undefined, ONE)
  const { secret } = await turnOn(first, await settled(first, 'Anna'))
  const before = await stored(first)
  await first.close()

  const second = await start(first.database, `${TWO},${ONE}`)
  await until(async () => (await stored(second)) !== before)
  const after = await stored(second)
  await second.close()

  const third = await start(first.database, TWO)
  third.clock.advance(30_000)
  const visitor = third.visitor()
  const page = await halfway(visitor, 'Anna')
  await visitor.send(page, { code: codeAt(secret, third.clock.time) })
  assert.is((await visitor.open('/account/')).status, 200)
  assert.is(await stored(third), after)
  await third.close()
})

test('do not work without their key, but recovery codes still do', async () => {
  const first = await start(undefined, ONE)
  const { secret, codes } = await turnOn(first, await settled(first, 'Anna'))
  await first.close()
  const second = await start(first.database, TWO)
  second.clock.advance(60_000)
  const visitor = second.visitor()
  const page = await halfway(visitor, 'Anna')
  assert.is((await visitor.send(page, { code: codeAt(secret, second.clock.time) })).status, 406)
  await visitor.send(page, { code: codes[0] ?? '' })
  assert.is((await visitor.open('/account/')).status, 200)
  await second.close()
})

test.run()
