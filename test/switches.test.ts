import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { features } from '../src/features/index.js'
import { Site } from './support/helpers.js'

const environment = { NODE_ENV: 'development' }

const test = suite('features that are off')

test('have no pages and no links to them', async () => {
  const off = [
    'signup',
    'users',
    'email/confirm',
    'account/email',
    'password/forgot',
    'password/reset',
    'account/name',
    'account/password',
    'account/two-step',
    'account/devices',
    'account/activity',
    'account/export',
    'account/close',
    'dev/mailbox',
  ]
  const whole = await Site.start({ environment })
  await whole.visitor().settle('Anna')
  const { database } = whole
  await whole.close()
  const site = await Site.start({
    environment,
    database,
    features: Object.fromEntries(off.map((name) => [name, false])),
  })
  const visitor = site.visitor()
  const pages = [await visitor.open('/'), await visitor.open('/login/')]
  await visitor.logIn('Anna')
  for (const path of ['/', '/account/', '/logout/', '/members/']) pages.push(await visitor.open(path))
  for (const page of pages) {
    assert.is(page.status, 200)
    const links = page
      .$('a[href^="/"], form[action^="/"]')
      .toArray()
      .map(({ attribs }) => attribs.href ?? attribs.action ?? '')
    for (const link of links) assert.ok((await visitor.open(link)).status !== 404, link)
  }
  for (const name of off) {
    const path = `/${name}/${name === 'users' ? 'anna/' : ''}`
    assert.is((await visitor.open(path)).status, 404, path)
  }
  assert.is((await visitor.open('/.well-known/change-password')).status, 404)
  await site.close()
})

test('leave no broken link, each off on its own', async () => {
  const core = ['login', 'logout', 'password/confirm', 'account']
  const groups = [
    ['password/forgot', 'password/reset', 'account/email'],
    ['email/confirm', 'account/email'],
  ]
  const single = features
    .filter(({ partOf }) => partOf === undefined)
    .map(({ name }) => [name])
    .filter(([name = '']) => !core.includes(name) && !groups.flat().includes(name))
  for (const off of [...single, ...groups]) {
    const whole = await Site.start({ environment })
    await whole.visitor().settle('Anna')
    const { database } = whole
    await whole.close()
    const site = await Site.start({
      environment,
      database,
      features: Object.fromEntries(off.map((name) => [name, false])),
    })
    const visitor = site.visitor()
    await visitor.logIn('Anna')
    const seen = new Set<string>()
    const queue = ['/', '/login/', '/signup/', '/account/']
    for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
      if (seen.has(path) || path.startsWith('/dev/') || path.includes('/json/')) continue
      seen.add(path)
      const page = await visitor.open(path)
      if (page.status === 404) {
        assert.ok(
          off.some((name) => path.startsWith(`/${name}/`)),
          path,
        )
        assert.ok(['/', '/login/', '/signup/', '/account/'].includes(path), `${off} leaves a link to ${path}`)
        continue
      }
      const links = page
        .$('a[href^="/"]')
        .toArray()
        .map(({ attribs }) => (attribs.href ?? '').split('#')[0] ?? '')
      queue.push(...links)
    }
    await site.close()
  }
})

for (const [switches, sentence] of [
  [{ sigup: false }, /Unknown feature sigup\. Features: account, /],
  [{ login: false }, /Feature login cannot be off/],
  [{ 'password/forgot': false }, /needs password\/forgot\. Turn off both or neither/],
  [{ 'email/confirm': false }, /Feature account\/email needs email\/confirm/],
  [{ 'login/two-step': false }, /Feature login\/two-step is part of account\/two-step\. Turn that off/],
] as const) {
  test(`turning off ${Object.keys(switches)} is an error at start`, async () => {
    await Site.start({ features: switches }).then(
      () => assert.unreachable(),
      (error: unknown) => assert.match(String(error), sentence),
    )
  })
}

test.run()
