import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { commands } from '../../../src/commands/index.js'
import { adminOf } from '../../support/admin.js'
import { assertDone, callGatehouse } from '../../support/calling.js'
import { Site } from '../../support/helpers.js'

const test = suite('admin/activity')

test('shows what commands did, with names of users who are deleted, 50 a page', async () => {
  const site = await Site.start()
  const { visitor } = await adminOf(site, 'Anna')
  await site.visitor().signUp('Bert')
  const { database } = site
  await callGatehouse(['users', 'role', 'bert', 'add', 'editor'], { database })
  await callGatehouse(['users', 'delete', 'bert', '--yes'], { database })
  const page = await visitor.open('/admin/activity/')
  const rows = page
    .$('.rows h2')
    .toArray()
    .map((row) => page.$(row).text().trim())
  assert.equal(rows, ['Account deleted', 'Role added: editor'])
  assert.match(page.$('.rows').text(), 'Bert')
  assert.match(page.text, 'cli:users delete')
  const ids = Array.from({ length: 60 }, (_, index) => String(index).padStart(31, '0'))
  const values = ids.map(
    (id) => `('${id}', 'account_enabled', '', 'cli:users enable', '', 'x', 'X', '', '', 1)`,
  )
  await site.write(
    `insert into operator_actions (id, kind, reason, actor, actor_name, user_id, user_name, address, user_agent, at) values ${values.join()}`,
  )
  const first = await visitor.open('/admin/activity/')
  assert.is(first.$('.rows > li').length, 50)
  const older = await visitor.open(first.$('main nav a').attr('href') ?? '')
  assert.is(older.$('.rows > li').length, 12)
  await site.close()
})

const NO_ENTRY = {
  'users list': 'reads',
  'users show': 'reads',
  'users export': 'reads',
  invitations: 'reads',
  mails: 'reads',
  check: 'reads',
  templates: 'reads',
  migrate: 'changes the schema',
  copy: 'changes a whole database',
  backup: 'writes a file',
  restore: 'changes a whole database',
  keys: 'changes a file',
}

/** Each command that changes users, its arguments, and its entry. */
const ENTRIES: readonly [string, readonly string[], string, string][] = [
  ['users create', ['Carla', 'carla@example.com'], 'signed_up', 'Carla'],
  ['users rename', ['bert', 'Berta'], 'name_changed', 'Berta'],
  ['users resend', ['berta'], 'mail_resent', 'Berta'],
  ['users confirm', ['berta'], 'email_confirmed', 'Berta'],
  ['users email', ['berta', 'new@example.com', '--confirmed'], 'email_changed', 'Berta'],
  ['users logout', ['berta'], 'sessions_ended', 'Berta'],
  ['users unlock', ['berta'], 'account_unlocked', 'Berta'],
  ['users two-step', ['anna', '--off'], 'second_off', 'Anna'],
  ['users role', ['berta', 'add', 'editor'], 'role_added', 'Berta'],
  ['users disable', ['berta'], 'account_disabled', 'Berta'],
  ['users enable', ['berta'], 'account_enabled', 'Berta'],
  ['users reset', ['berta'], 'password_reset', 'Berta'],
  ['users delete', ['carla', '--yes'], 'account_erased', 'Carla'],
  ['users invite', ['dora@example.com'], 'user_invited', ''],
  ['users import', ['users.csv', '--from', 'csv'], 'users_imported', ''],
  ['sessions end', ['--all'], 'all_sessions_ended', ''],
  ['invitations withdraw', ['dora@example.com'], 'invitation_withdrawn', ''],
  ['mails resend', [], 'mail_resent', ''],
]

test('has one entry for each command that changes something', async () => {
  const site = await Site.start()
  await adminOf(site, 'Anna')
  await site.visitor().signUp('Bert')
  await site.allSent()
  const { database } = site
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
  const file = join(folder, 'users.csv')
  writeFileSync(file, 'id,username,email\n1,Emil,emil@example.com\n')
  for (const [command, given, kind, name] of ENTRIES) {
    const args = given.map((one) => (one === 'users.csv' ? file : one))
    if (command === 'mails resend') {
      await site.write("update mails set state = 'failed' where kind = 'password-reset'")
      const [mail] = await site.rows<{ id: string }>("select id from mails where state = 'failed'")
      args.push('--', mail?.id ?? '')
    }
    await site.write('delete from operator_actions')
    assertDone(
      await callGatehouse([...command.split(' '), ...args], { database, settings: { SIGNUP: 'invited' } }),
    )
    assert.equal(
      await site.rows('select kind, actor, user_name from operator_actions'),
      [{ kind, actor: `cli:${command}`, user_name: command === 'mails resend' ? 'Berta' : name }],
      command,
    )
  }
  rmSync(folder, { recursive: true })
  await site.close()
})

test('no command is missing in this test', async () => {
  const names = await Promise.all(
    [...commands].map(async ([name, load]) => {
      const { subcommands } = (await load()).command
      return subcommands === undefined || name === 'keys'
        ? [name]
        : subcommands.map((subcommand) => `${name} ${subcommand.name}`)
    }),
  )
  const here = [...Object.keys(NO_ENTRY), ...ENTRIES.map(([command]) => command)]
  // Their subcommands are not separate parts.
  const verbs = ['invitations withdraw', 'mails resend']
  assert.equal(names.flat().sort(), here.filter((name) => !verbs.includes(name)).sort())
})

test.run()
