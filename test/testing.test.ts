import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { cookieOf, loggedIn, until } from '../src/testing.js'
import { Host } from './support/host.js'

const test = suite('koa-gatehouse/testing')
let host: Host

test.before(async () => {
  host = await Host.start({ baseUrl: 'https://shop.example.com' })
})
test.after(() => host.close())

test('loggedIn returns an https cookie, and each login has a session of its own', async () => {
  const { user, cookie } = await loggedIn(host.gatehouse, 'Anna of the Sea')
  assert.is(user.email, 'anna-of-the-sea@example.com')
  assert.match(cookie, /^__Host-gatehouse=/)
  const open = (header: string) => host.visitor().open('/members/account/', { Cookie: header })
  assert.match((await open(cookie)).text, 'Anna of the Sea')
  const other = await cookieOf(host.gatehouse, user)
  assert.is.not(other, cookie)
  assert.is((await open(other)).status, 200)
  assert.is((await open('')).status, 303)
})

test('cookieOf throws if the user cannot log in, loggedIn if the username is taken', async () => {
  const { user } = await loggedIn(host.gatehouse, 'Bela')
  await host.gatehouse.accounts.disable(user.id)
  assert.match(await cookieOf(host.gatehouse, user).catch(String), 'cannot be logged in')
  assert.match(
    String(await loggedIn(host.gatehouse, 'bela').catch(String)),
    'bela cannot be created: username_taken',
  )
})

test('until throws an error that names what did not happen', async () => {
  assert.match(String(await until(() => false, 'rain', 20).catch(String)), /Timed out after 0\.02 s: rain/)
})

test.run()
