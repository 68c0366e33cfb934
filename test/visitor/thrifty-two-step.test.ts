import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Site, type Visitor } from '../support/helpers.js'
import { settled, turnOn } from '../support/second-step.js'
import { workOf } from '../support/statements.js'

/* How many SQL statements pages take for users without two-step verification. */
const test = suite('pages for users without two-step verification')

async function statementsOf(site: Site, visitor: Visitor, path: string): Promise<string[]> {
  const { result, before, after } = await workOf(site, () => visitor.open(path))
  assert.is(result.status, 200, path)
  return [...before, ...after]
}

const PATHS = [
  ...['/', '/account/', '/account/devices/', '/account/activity/', '/account/name/', '/account/password/'],
  ...['/members/', '/users/anna/'],
]

test('run the same statements as with the feature off', async () => {
  const on = await Site.start()
  const visitor = await settled(on, 'Anna')
  const off = await Site.start({ database: on.database, features: { 'account/two-step': false } })
  const elsewhere = Object.assign(off.visitor(), { agent: off.visitor().agent })
  await elsewhere.logIn('Anna')
  for (const path of PATHS) {
    const [withFeature, without] = [
      await statementsOf(on, visitor, path),
      await statementsOf(off, elsewhere, path),
    ]
    assert.ok(withFeature.length > 0, path)
    assert.equal(withFeature, without, path)
  }
  await off.close()
  await on.close()
})

test('run fewer statements than with two-step verification', async () => {
  const site = await Site.start()
  const visitor = await settled(site, 'Anna')
  const before = await statementsOf(site, visitor, '/account/')
  assert.is(before.length, 1)
  await turnOn(site, visitor)
  assert.ok((await statementsOf(site, visitor, '/account/')).length > before.length)
  await site.close()
})

test('the notice that two-step verification will end takes no statement', async () => {
  const site = await Site.start()
  const visitor = await settled(site, 'Anna')
  await turnOn(site, visitor)
  const before = await statementsOf(site, visitor, '/')
  await site.write(`update users set second_ends_at = ${site.clock.time + 1}`)
  assert.equal(await statementsOf(site, visitor, '/'), before)
  assert.match((await visitor.open('/')).text, 'Someone asked by email')
  await site.close()
})

test.run()
