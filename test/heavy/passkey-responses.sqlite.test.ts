import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readAssertion, readAttestation } from '../../src/secrets/webauthn.js'
import { Site } from '../support/helpers.js'
import { addPasskey, Device, present, typeToSignUp } from '../support/passkey.js'
import { settled } from '../support/second-step.js'

const test = suite('changed responses of passkeys over HTTP')

/** `TIMES=10000` takes minutes. */
const TIMES = Number(process.env.TIMES ?? 2_000)

/** What a response proves. */
function signedIn(text: string): string[] {
  const { response } = readAssertion(text) ?? { response: { clientDataJSON: '', authenticatorData: '' } }
  return [response.clientDataJSON, response.authenticatorData].map((part) =>
    Buffer.from(part, 'base64url').toString('hex'),
  )
}

function changed(text: string, time: number): string {
  const bytes = Buffer.from(text)
  const at = (time * 7919) % bytes.length
  bytes[at] = (bytes[at] ?? 0) ^ (1 << (time % 8))
  return bytes.toString('latin1')
}

test(`${TIMES} of them get 4xx and no session, unless they are equivalent`, async () => {
  const site = await Site.start({
    host: 'localhost',
    environment: { LIMIT_LOGIN_NETWORK: '1000000/1h', LIMIT_LOGIN_DEVICE: '1000000/1h' },
  })
  const device = new Device()
  await addPasskey(site, await settled(site, 'Anna'), device)
  site.clock.advance(1)
  let refused = 0
  let visitor = site.visitor()
  for (let time = 0; time < TIMES; time++) {
    const page = await visitor.open('/login/')
    const right = device.use(page, { origin: site.address })
    const wrong = changed(right, time)
    const response = await present(visitor, page, wrong)
    if (response.status === 303) {
      assert.equal(signedIn(wrong), signedIn(right), wrong)
      visitor = site.visitor()
      site.clock.advance(1)
      continue
    }
    assert.ok(response.status >= 400 && response.status < 500, `${response.status}: ${wrong}`)
    assert.is(response.sessionCookie.includes('expires='), false)
    refused++
  }
  assert.ok(refused > TIMES * 0.7, `${refused} refused`)
  const page = await visitor.open('/login/')
  const right = await present(visitor, page, device.use(page, { origin: site.address }))
  assert.is(right.status, 303, 'the unchanged one works')
  await site.close()
})

/** Creating one takes two pages. */
const CREATIONS = Math.ceil(TIMES / 5)

test(`${CREATIONS} of them that sign up get 4xx and no account, unless they are equivalent`, async () => {
  const site = await Site.start({
    host: 'localhost',
    environment: {
      EMAIL_CONFIRMATION: 'required',
      LIMIT_SIGNUP_NETWORK: '1000000/1h',
      LIMIT_TAKEN_NETWORK: '1000000/1h',
      LIMIT_MAIL_NETWORK: '1000000/1h',
    },
  })
  let visitor = site.visitor()
  let made = 0
  for (let time = 0; time < CREATIONS; time++) {
    if ((await visitor.open('/signup/passkey/')).status === 303) {
      await typeToSignUp(visitor, { username: `guest ${made}`, email: `guest${made}@example.com` })
    }
    const page = await visitor.open('/signup/passkey/')
    const right = new Device().create(page, { origin: site.address })
    const wrong = changed(right, time)
    const response = await visitor.send(page, { credential: wrong }, '/signup/passkey/verify/')
    if (response.status === 303) {
      assert.ok(readAttestation(wrong), wrong)
      made++
      visitor = site.visitor()
      continue
    }
    assert.ok(response.status >= 400 && response.status < 500, `${response.status}: ${wrong}`)
  }
  assert.is((await site.rows('select 1 from users')).length, made)
  assert.is((await site.rows('select 1 from passkeys')).length, made)
  assert.equal(await site.rows('select 1 from sessions'), [])
  await site.close()
})

test.run()
