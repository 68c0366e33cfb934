import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { adminOf } from '../../support/admin.js'
import { callGatehouse } from '../../support/calling.js'
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

test.run()
