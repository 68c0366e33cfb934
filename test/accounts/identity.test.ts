import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Hooks, Identity } from '../../src/index.js'
import { assertDone, assertRefused, callGatehouse } from '../support/calling.js'
import { PASSWORD, Site } from '../support/helpers.js'

/* A host app with its own rules for usernames and email addresses. */

const RULES = `
export const hooks = {
  checkIdentity: ({ name = '', email = '' }) => [
    ...(/^crew/i.test(name) ? [{ field: 'username', code: 'name_of_crew', sentence: 'Username must not begin with Crew.' }] : []),
    ...(/@gone\\.example$/i.test(email) ? [{ field: 'email', code: 'domain_gone', sentence: 'Email address must be from another domain.' }] : []),
  ],
  async duringErase(transaction, user) {
    await transaction.deleteFrom('notes').where('author', '=', user.id).execute()
  },
}`
const NAME = 'Username must not begin with Crew.'
const DOMAIN = 'Email address must be from another domain.'

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-hooks-'))
const file = join(folder, 'hooks.mjs')

const test = suite<{ site: Site }>('identity')

test.before(() => writeFileSync(file, RULES))
test.before.each(async (context) => {
  context.site = await Site.start({ environment: { HOOKS: file } })
})
test.after.each(({ site }) => site.close())
test.after(() => rmSync(folder, { recursive: true, force: true }))

for (const htmx of [false, true]) {
  const browser = htmx ? 'htmx' : 'a plain browser'

  test(`${browser}: sign-up shows the app’s errors and Gatehouse’s next to the fields`, async ({ site }) => {
    const visitor = site.visitor({ htmx })
    const page = await visitor.open('/signup/')
    const typed = { username: 'Crew Anna', email: 'anna@gone.example', password: 'x', repassword: 'y' }
    const refused = await visitor.send(page, typed)
    assert.is(refused.status, 406)
    assert.is(refused.fieldError('username'), NAME)
    assert.is(refused.fieldError('email'), DOMAIN)
    assert.is(refused.messages().length > 3, true)
    assert.equal(await site.rows('select 1 from users'), [])
  })

  test(`${browser}: the app’s rules apply to changes and corrections, too`, async ({ site }) => {
    const visitor = await site.visitor({ htmx }).settle('Anna')
    const renamed = await visitor.send(await visitor.open('/account/name/'), { username: 'crew' })
    assert.is(renamed.status, 406)
    assert.is(renamed.fieldError('username'), NAME)
    const changed = await visitor.send(await visitor.open('/account/email/'), { email: 'a@gone.example' })
    assert.is(changed.status, 406)
    assert.is(changed.fieldError('email'), DOMAIN)
    const corrected = await visitor.send(await visitor.open('/email/confirm/address/'), {
      email: 'a@gone.example',
    })
    assert.is(corrected.status, 406)
    assert.is(corrected.fieldError('email'), DOMAIN)
    assert.equal(await site.rows('select name, email, next_email from users'), [
      { name: 'Anna', email: 'Anna@example.com', next_email: null },
    ])
  })
}

test('hints follow the app’s rules, and suggest no username that these refuse', async ({ site }) => {
  await site.visitor().signUp('Anna')
  const visitor = site.visitor({ htmx: true })
  const page = await visitor.open('/signup/')
  const hint = await visitor.post(
    '/signup/hints/',
    new URLSearchParams({ _csrf: page.value('_csrf') ?? '', username: 'Crew Bela' }).toString(),
  )
  assert.match(hint.text, NAME)
  assert.not.match(hint.text, 'is available')
})

test('the hook gets the user, and only input that passes the other rules', async ({ site }) => {
  const asked: Identity[] = []
  const hooks: Hooks = {
    checkIdentity(identity) {
      asked.push(identity)
      return undefined
    },
  }
  const host = await Site.start({ hooks })
  const visitor = await host.visitor().settle('Anna')
  await visitor.send(await visitor.open('/account/name/'), { username: 'Bela' })
  await visitor.send(await visitor.open('/account/email/'), { email: 'bela@example.com' })
  await visitor.send(await visitor.open('/account/name/'), { username: 'x' })
  assert.equal(
    asked.map(({ name, email, user }) => [name, email, user?.name]),
    [
      ['Anna', 'Anna@example.com', undefined],
      ['Bela', undefined, 'Anna'],
      [undefined, 'bela@example.com', 'Bela'],
    ],
  )
  await host.close()
  assert.equal(await site.rows('select 1 from users'), [])
})

test('gatehouse users uses the hooks in HOOKS, and refuses a file without any', async ({ site }) => {
  const { database } = site
  const call = (args: string[], hooks = file) =>
    callGatehouse(['users', ...args], { database, settings: { HOOKS: hooks }, input: PASSWORD })
  assertRefused(
    await call(['create', 'Crew', 'a@example.com', '--password-stdin']),
    1,
    /must not begin with Crew/,
  )
  assertRefused(
    await call(['create', 'Anna', 'a@gone.example', '--password-stdin']),
    1,
    /from another domain/,
  )
  assertDone(await call(['create', 'Anna', 'a@example.com', '--password-stdin']))
  await site.write('create table notes (id integer primary key, author text references users(id))')
  await site.write('insert into notes select 1, id from users')
  assertDone(await call(['delete', 'Anna', '--yes']))
  assert.equal(await site.rows('select 1 from notes'), [])
  const empty = join(folder, 'empty.mjs')
  writeFileSync(empty, '')
  assertRefused(await call(['list'], empty), 1, /exports no hooks/)
})

test.run()
