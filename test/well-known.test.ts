import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Site } from './support/helpers.js'
import { addPasskey, Device, useToLogIn } from './support/passkey.js'
import { settled } from './support/second-step.js'

const test = suite('well-known URLs')

const ENDPOINTS = '/.well-known/passkey-endpoints'
const RELATED = '/.well-known/webauthn'
const environment = {
  BASE_URL: 'https://example.com',
  PASSKEY_ORIGINS: 'https://example.de, https://example.fr',
}

test('passkey-endpoints has the URL of the passkeys page, without a redirect', async () => {
  const site = await Site.start({ environment })
  const { agent } = site.visitor()
  const response = await agent.get(ENDPOINTS)
  assert.is(response.status, 200)
  assert.match(response.headers['content-type'] ?? '', /^application\/json/)
  const page = 'https://example.com/account/passkeys/'
  assert.equal(response.body, { enroll: page, manage: page })
  assert.is((await agent.post(ENDPOINTS)).headers.allow, 'GET, HEAD')
  assert.is((await agent.get(`${ENDPOINTS}/`)).status, 404)
  await site.close()
})

test('both exist only if passkeys are offered', async () => {
  for (const [given, status] of [
    [{ environment }, 200],
    [{ environment, features: { 'account/passkeys': false } }, 404],
    [{ environment: { ...environment, BASE_URL: 'https://192.0.2.1' } }, 404],
    [{ environment: { ...environment, BASE_URL: 'http://example.com' } }, 404],
  ] as const) {
    const site = await Site.start(given)
    for (const path of [ENDPOINTS, RELATED]) {
      assert.is((await site.visitor().agent.get(path)).status, status, `${path} ${JSON.stringify(given)}`)
    }
    await site.close()
  }
})

test('webauthn lists the site’s other origins, readable from other sites', async () => {
  const site = await Site.start({ environment })
  const { agent } = site.visitor()
  const response = await agent.get(RELATED)
  assert.match(response.headers['content-type'] ?? '', /^application\/json/)
  assert.equal(response.body, { origins: ['https://example.de', 'https://example.fr'] })
  assert.is(response.headers['cross-origin-resource-policy'], 'cross-origin')
  await site.close()
  const alone = await Site.start({ environment: { BASE_URL: 'https://example.com' } })
  assert.is((await alone.visitor().agent.get(RELATED)).status, 404)
  await alone.close()
})

test('passkeys are created and log in at exactly these origins', async () => {
  const site = await Site.start({ host: 'localhost', passkeyOrigins: ['https://example.de'] })
  const owner = await settled(site, 'Anna')
  const device = new Device()
  const created = await addPasskey(site, owner, device, { origin: 'https://example.de' })
  assert.is(created.status, 303, created.text)
  for (const [origin, status] of [
    ['https://example.de', 303],
    [site.address, 303],
    ['https://www.example.de', 406],
    ['https://example.de:8443', 406],
    ['https://example.de/', 406],
    ['http://example.de', 406],
    ['https://example.de.example.com', 406],
  ] as const) {
    site.clock.advance(1)
    assert.is((await useToLogIn(site, site.visitor(), device, { origin })).status, status, origin)
  }
  await site.close()
})

test.run()
