import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { command } from '../../../src/commands/users.js'
import { ACTIONS } from '../../../src/features/admin/users/actions.js'
import { type Admin, adminOf } from '../../support/admin.js'
import { type Page, Site } from '../../support/helpers.js'

const test = suite('actions of admins')
let site: Site
let admin: Admin
let browser: Admin

test.before(async () => {
  site = await Site.start({ environment: { LIMIT_SIGNUP_NETWORK: '1000/1h', LIMIT_MAIL_NETWORK: '1000/1h' } })
  admin = await adminOf(site, 'Anna')
  browser = await adminOf(site, 'Adele', { htmx: true })
})
test.after(() => site.close())

async function idOf(name: string): Promise<string> {
  const [row] = await site.rows<{ id: string }>('select id from users where name = ?', name)
  return row?.id ?? ''
}

function pathOf(id: string, action: string): string {
  return `/admin/users/${id}/${action}/`
}

async function created(name: string): Promise<string> {
  await site.visitor().signUp(name)
  return idOf(name)
}

async function logged(id: string) {
  return site.rows(
    'select kind, actor, actor_name, user_name, reason from operator_actions where user_id = ? order by id',
    id,
  )
}

async function take(
  { visitor }: Admin,
  id: string,
  action: string,
  typed: Record<string, string> = {},
): Promise<Page> {
  const page = await visitor.open(pathOf(id, action))
  assert.is(page.status, 200, page.text)
  return visitor.send(page, { reason: 'Asked by phone', ...typed }, `${pathOf(id, action)}verify/`)
}

const CASES: readonly [string, string, Record<string, string>, string][] = [
  ['rename', 'name_changed', { username: 'Renamed' }, ''],
  ['email', 'email_changed', { email: 'other@example.com', confirmed: 'on' }, ''],
  ['email', 'email_asked', { email: 'asked@example.com' }, ''],
  ['confirm', 'email_confirmed', {}, ''],
  ['resend', 'mail_resent', {}, ''],
  ['logout', 'sessions_ended', {}, ''],
  ['unlock', 'account_unlocked', {}, ''],
  ['reset', 'password_reset', {}, ''],
  ['two-step', 'second_off', {}, 'second_step_at = 1'],
  ['role', 'role_added', { role: 'editor', change: 'add' }, ''],
  ['role', 'role_removed', { role: 'editor', change: 'remove' }, "roles = 'editor'"],
  ['disable', 'account_disabled', {}, ''],
  ['enable', 'account_enabled', {}, 'disabled_at = 1'],
]

for (const htmx of [false, true]) {
  const kind = htmx ? 'htmx' : 'plain'

  test(`${kind}: each is one event of the user and one entry with the reason, even after a double click`, async () => {
    const who = htmx ? browser : admin
    for (const [index, [action, event, typed, before]] of CASES.entries()) {
      const name = `${kind} ${index}`
      const id = await created(name)
      if (before !== '') await site.write(`update users set ${before} where id = '${id}'`)
      const given = Object.fromEntries(
        Object.entries(typed).map(([key, value]) => [
          key,
          key === 'username' ? `${value} ${kind}` : key === 'email' ? `${kind}-${value}` : value,
        ]),
      )
      const path = pathOf(id, action)
      const page = await who.visitor.open(path)
      const send = () => who.visitor.send(page, { reason: 'Asked by phone', ...given }, `${path}verify/`)
      for (const response of [await send(), await send()]) {
        assert.is(
          response.headers[htmx ? 'hx-redirect' : 'location'],
          `/admin/users/${id}/`,
          `${action}: ${response.text}`,
        )
      }
      const names = { actor: `admin:${who.id}`, actor_name: htmx ? 'Adele' : 'Anna' }
      const entries = await logged(id)
      assert.equal(
        entries.map((entry) => ({ ...(entry as object), user_name: undefined })),
        [{ kind: event, ...names, user_name: undefined, reason: 'Asked by phone' }],
        action,
      )
      if (event === 'mail_resent') continue
      const events = await site.rows('select actor from events where user_id = ? and kind = ?', id, event)
      assert.equal(events, [{ actor: `admin:${who.id}` }], action)
    }
  })
}

test('the user sees in the activity what the people who run this site did', async () => {
  const visitor = await site.visitor().settle('Berta')
  await take(admin, await idOf('Berta'), 'role', { role: 'editor', change: 'add' })
  const { text } = await visitor.open('/account/activity/')
  assert.match(text, 'Role added')
  assert.match(text, 'By the people who run this site')
  assert.not.match(text, admin.id)
})

test('deleting asks for the username, and the entry is kept after the user is deleted', async () => {
  const id = await created('Carla')
  const refused = await take(admin, id, 'delete', { username: 'Karla' })
  assert.match(refused.messages().join(), 'The username does not match. Nothing was deleted.')
  assert.is(refused.value('reason'), 'Asked by phone')
  const done = await take(admin, id, 'delete', { username: 'Carla' })
  assert.is(done.headers.location, '/admin/users/')
  assert.equal(await logged(id), [
    {
      kind: 'account_erased',
      actor: `admin:${admin.id}`,
      actor_name: 'Anna',
      user_name: 'Carla',
      reason: 'Asked by phone',
    },
  ])
  assert.is((await admin.visitor.open(`/admin/users/${id}/`)).status, 404)
})

test('errors are at their fields, and no input is lost', async () => {
  const id = await created('Doris')
  const long = await take(admin, id, 'logout', { reason: 'x'.repeat(201) })
  assert.match(long.fieldError('reason'), 'one line of up to 200 characters')
  const taken = await take(admin, id, 'email', { email: 'anna@example.com' })
  assert.is(taken.status, 406)
  assert.is(taken.value('email'), 'anna@example.com')
  const name = await take(admin, id, 'rename', { username: 'Anna' })
  assert.match(name.fieldError('username'), 'taken')
  const role = await take(admin, id, 'role', { role: 'Two words', change: 'add' })
  assert.match(role.fieldError('role'), 'Role must be up to 32')
  const own = Array.from({ length: 20 }, (_, index) => `role${index}`)
  await site.write(`update users set roles = '${own.sort().join(' ')}' where id = '${id}'`)
  const many = await take(admin, id, 'role', { role: 'editor', change: 'add' })
  assert.is(many.status, 409)
  assert.equal(many.messages(), ['⚠ This user has 20 roles. Remove one before you add another.'])
  assert.equal(await logged(id), [])
})

test('without a token, for an unknown user or action, and without the role nothing happens', async () => {
  const id = await created('Elsa')
  const path = `${pathOf(id, 'disable')}verify/`
  assert.is((await admin.visitor.post(path, 'reason=x')).status, 403)
  for (const other of [pathOf('nobody', 'disable'), pathOf(id, 'toString'), pathOf(id, 'burn')])
    assert.is((await admin.visitor.open(other)).status, 404, other)
  const stranger = await site.visitor().settle('Frida')
  assert.is((await stranger.post(path, 'reason=x')).status, 404)
  assert.equal(await logged(id), [])
})

test('the only admin cannot disable, demote or delete their own account', async () => {
  await site.write("update users set roles = '' where name = 'Adele'")
  for (const [action, typed] of [
    ['disable', {}],
    ['role', { role: 'admin', change: 'remove' }],
    ['delete', { username: 'Anna' }],
  ] as const) {
    const refused = await take(admin, admin.id, action, typed)
    assert.is(refused.status, 409, action)
    assert.match(refused.messages().join(), 'This is the only admin of this site.')
  }
  assert.is((await admin.visitor.open('/admin/')).status, 200)
  await site.write("update users set roles = 'admin' where name = 'Adele'")
})

test('an account that a table of the app refers to is not deleted, and the table is named', async () => {
  const id = await created('Gerda')
  await site.write('create table notes (author text references users(id))')
  await site.write(`insert into notes values ('${id}')`)
  const refused = await take(admin, id, 'delete', { username: 'Gerda' })
  assert.is(refused.status, 409)
  assert.match(refused.messages().join(), 'data of this site still refers to it: notes.')
  assert.is(await idOf('Gerda'), id)
  await site.write('drop table notes')
  await take(admin, id, 'delete', { username: 'Gerda' })
  assert.is(await idOf('Gerda'), '')
})

/** Commands without a page, and why. */
const NO_PAGE = {
  list: 'is /admin/users/',
  show: 'is /admin/users/<id>/',
  create: 'would let admins choose passwords',
  invite: 'is /admin/invitations/',
  import: 'reads a file of the server',
  export: 'writes a file',
}

test('every command about a user has a page, and vice versa', () => {
  const commands = command.subcommands?.map(({ name }) => name) ?? []
  const expected = commands.filter((name) => !(name in NO_PAGE))
  assert.equal(Object.keys(ACTIONS).sort(), expected.sort())
})

test.run()
