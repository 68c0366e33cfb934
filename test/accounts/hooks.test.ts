import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { AccountsOptions, Hooks } from '../../src/index.js'
import { PASSWORD, Site, until } from '../support/helpers.js'

/*
 * A host app that asks for a full name at sign-up, with its own template, hook and table, which it writes in the
 * transaction that creates the account.
 */
const test = suite('hooks')
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-templates-'))

test.before(() => {
  const file = join(folder, 'signup', 'fields.html')
  mkdirSync(dirname(file))
  writeFileSync(
    file,
    `{% from "fields/field.html" import field %}
{{ field(form, "username", { label: "Username", autocomplete: "username", value: form.values.username }) }}
{{ field(form, "fullname", { label: "Full name", autocomplete: "name", value: form.values.fullname }) }}
{{ field(form, "email", { label: "Email address", type: "email", autocomplete: "email", value: form.values.email }) }}
{{ field(form, "password", { label: "Password", type: "password", autocomplete: "new-password" }) }}
{{ field(form, "repassword", { label: "Repeat password", type: "password", autocomplete: "new-password" }) }}`,
  )
})
test.after(() => rmSync(folder, { recursive: true, force: true }))

const NO_FULL_NAME = { field: 'fullname', code: 'fullname_missing', sentence: 'Enter your full name.' }

const hooks: Hooks = {
  beforeSignup: ({ values, email }) => [
    ...(values.fullname?.trim() ? [] : [NO_FULL_NAME]),
    ...(email?.endsWith('@banned.example') ? [{ code: 'banned', sentence: 'Not from there.' }] : []),
  ],
  async duringSignup(transaction, { user, values }) {
    await transaction
      .withTables<{ people: { user_id: string; full_name: string } }>()
      .insertInto('people')
      .values({ user_id: user.id, full_name: values.fullname ?? '' })
      .execute()
  },
}

async function host(options: Partial<AccountsOptions> = {}): Promise<Site> {
  const site = await Site.start({ templates: [folder], signupFields: ['fullname'], hooks, ...options })
  await site.write(
    'create table people (user_id text primary key references users(id) on delete cascade, full_name text not null)',
  )
  return site
}

for (const htmx of [false, true]) {
  test(`${htmx ? 'htmx' : 'a plain browser'}: the app’s own field is required, kept and stored`, async () => {
    const site = await host()
    const visitor = site.visitor({ htmx })
    const page = await visitor.open('/signup/')
    const typed = { username: 'ab', email: 'anna@example.com', password: PASSWORD, repassword: PASSWORD }
    const refused = await visitor.send(page, typed)
    assert.is(refused.status, 406)
    assert.equal(refused.messages(), [
      '⚠ Username must be between 3 and 25 characters.',
      '⚠ Enter your full name.',
    ])
    assert.is(refused.fieldError('fullname'), 'Enter your full name.')
    const short = await visitor.send(page, { ...typed, fullname: 'Anna <b> Example' })
    assert.is(short.value('fullname'), 'Anna <b> Example')
    const done = await visitor.send(page, { ...typed, username: 'Anna', fullname: 'Anna <b> Example' })
    assert.is(done.status, htmx ? 200 : 303)
    assert.equal(await site.rows('select name, full_name from people join users on users.id = user_id'), [
      { name: 'Anna', full_name: 'Anna <b> Example' },
    ])
    await site.close()
  })
}

test('a hook refuses a sign-up as a whole', async () => {
  const site = await host()
  const page = await site.visitor().signUp('Anna', { email: 'x@banned.example', fullname: 'Anna' })
  assert.is(page.status, 406)
  assert.equal(page.messages(), ['⚠ Not from there.'])
  assert.equal(await site.rows('select 1 from users'), [])
  await site.close()
})

test('an error in duringSignup undoes the sign-up, and onEvent gets nothing', async () => {
  const told: string[] = []
  const site = await host({
    hooks: {
      ...hooks,
      async duringSignup() {
        throw new Error('The host cannot do this.')
      },
      onEvent: ({ kind }) => void told.push(kind),
    },
  })
  const page = await site.visitor().signUp('Anna', { fullname: 'Anna' })
  assert.is(page.status, 500)
  assert.equal(await site.rows('select 1 from users'), [])
  assert.equal(await site.rows('select 1 from mails'), [])
  assert.equal(told, [])
  await site.close()
})

test('a unique index of the app is not mistaken for a taken username', async () => {
  const site = await host()
  await site.write('create unique index people_full_name on people (full_name)')
  await site.visitor().signUp('Anna', { fullname: 'Anna Example' })
  const page = await site.visitor().signUp('Bela', { email: 'bela@example.com', fullname: 'Anna Example' })
  assert.is(page.status, 500)
  assert.equal(await site.rows('select name from users'), [{ name: 'Anna' }])
  await site.close()
})

test('onEvent runs after the commit, as hook and option, and may throw', async () => {
  const told: string[] = []
  const toldBeside: string[] = []
  const site = await Site.start({
    hooks: {
      onEvent: async ({ kind, userId }) => {
        assert.ok(userId)
        told.push(kind)
        throw new Error(`${kind} fails`)
      },
    },
    onEvent: ({ kind }) => void toldBeside.push(kind),
  })
  const visitor = await site.visitor().settle('Anna')
  await visitor.send(await visitor.open('/account/name/'), { username: 'Bela' })
  const password = { password: 'another horse 43', repassword: 'another horse 43' }
  await visitor.send(await visitor.open('/account/password/'), { current: PASSWORD, ...password })
  await visitor.send(await visitor.open('/account/close/'))
  await visitor.logIn('Bela', password)
  await visitor.send(await visitor.open('/logout/'))
  const all = [
    'account_closed',
    'account_reopened',
    'logged_in',
    'logged_in',
    'logged_out',
    'name_changed',
    'password_changed',
    'signed_up',
  ]
  await until(async () => told.length === all.length)
  assert.equal(told.sort(), all)
  assert.equal(toldBeside.sort(), all)
  assert.match(site.logs.join(''), 'signed_up fails')
  await site.close()
})

for (const [hook, kinds] of [
  ['onSignup', "'signed_up'"],
  ['onPasswordChanged', "'password_changed' or 'password_reset'"],
] as const) {
  test(`the old hook ${hook} is an error at start that names its successor`, async () => {
    const own = { [hook]: () => {} }
    const ofClass = Object.create(own)
    for (const hooks of [own, ofClass]) {
      await Site.start({ hooks }).then(
        () => assert.unreachable(),
        (error: unknown) =>
          assert.match(
            String(error),
            `The hook ${hook} no longer exists. Use onEvent, which gets events of kind ${kinds}.`,
          ),
      )
    }
  })
}

for (const [what, signupFields, sentence] of [
  ['one of Gatehouse’s', ['email'], /The name email in signupFields is already used by Gatehouse/],
  ['not a name', ['_x y'], /must be a letter/],
  ['a duplicate', ['a', 'a'], /appears twice/],
] as const) {
  test(`a field that is ${what} is an error at start`, async () => {
    await Site.start({ signupFields }).then(
      () => assert.unreachable(),
      (error: unknown) => assert.match(String(error), sentence),
    )
  })
}

test.run()
