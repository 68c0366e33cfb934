import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { HOUR } from '../../src/base/durations.js'
import { foreignText } from '../../src/secrets/foreign-hash.js'
import { VECTORS } from '../secrets/foreign-vectors.js'
import { type Page, Site } from '../support/helpers.js'

const test = suite('the password of an imported account')
let site: Site

test.before(async () => {
  site = await Site.start()
  await site.visitor().signUp('Anna')
})
test.after(() => site.close())
test.after.each(() => site.clock.advance(HOUR))

async function stored(): Promise<string | undefined> {
  const [row] = await site.rows<{ password_hash: string }>('select password_hash from users')
  return row?.password_hash
}

async function logIn(password: string): Promise<Page> {
  site.clock.advance(1)
  return site.visitor().logIn('Anna', { password })
}

for (const { what, password, hash } of VECTORS) {
  test(`${what}: a wrong one changes nothing, and the right one is rehashed`, async () => {
    const foreign = hash === undefined ? '' : foreignText(hash)
    await site.write(`update users set password_hash = '${foreign}'`)
    assert.is((await logIn(`${password}x`)).status, 406)
    assert.is(await stored(), foreign)
    assert.is((await logIn(password)).headers.location, '/')
    const renewed = await stored()
    assert.match(renewed ?? '', /^\$argon2id\$v=19\$m=/)
    assert.is((await logIn(password)).headers.location, '/')
    assert.is(await stored(), renewed)
  })
}

test.run()
