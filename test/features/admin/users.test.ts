import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Admin, adminOf } from '../../support/admin.js'
import { type Page, Site } from '../../support/helpers.js'

const test = suite('admin/users')
let site: Site
let admin: Admin

const LIST = '/admin/users/'

test.before(async () => {
  site = await Site.start({ environment: { LIMIT_SIGNUP_NETWORK: '1000/1h', LIMIT_MAIL_NETWORK: '1000/1h' } })
  for (const name of ['Bert', 'Berta', 'Berti']) {
    await site.visitor().signUp(name)
    site.clock.advance(1000)
  }
  await site.visitor().signUp('Carl', { email: 'bertold@example.com' })
  site.clock.advance(1000)
  await site.write("update users set roles = 'editor', disabled_at = 1 where name = 'Berti'")
  admin = await adminOf(site, 'Anna')
})
test.after(() => site.close())

function names({ $ }: Page): string[] {
  return $('.rows h2')
    .toArray()
    .map((row) => $(row).text().trim())
}

async function found(query: string): Promise<string[]> {
  const page = await admin.visitor.open(`${LIST}?${query}`)
  assert.is(page.status, 200, page.text)
  return names(page)
}

test('lists the newest first, each with a link to the page of the user', async () => {
  assert.equal(await found(''), ['Anna', 'Carl', 'Berti', 'Berta', 'Bert'])
  const page = await admin.visitor.open(LIST)
  const link = page.$('.rows h2 a').first().attr('href') ?? ''
  const user = await admin.visitor.open(link)
  assert.match(user.title, /^Anna/)
})

test('finds by the beginning of the username or email address, each once, in any case', async () => {
  assert.equal(await found('q=BERT'), ['Bert', 'Berta', 'Berti', 'Carl'])
  assert.equal(await found('q=berta'), ['Berta'])
  assert.equal(await found('q=bertold%40EX'), ['Carl'])
  assert.equal(await found('q=erta'), [])
  assert.equal(await found('q=%25'), [])
  assert.equal(await found('q=erta&inside=1'), ['Berta'])
})

test('filters by state and role', async () => {
  assert.equal(await found('q=bert&state=disabled'), ['Berti'])
  assert.equal(await found('state=disabled'), ['Berti'])
  assert.equal(await found('role=admin'), ['Anna'])
  assert.equal(await found('role=editor&q=b'), ['Berti'])
  assert.equal(await found('state=closed'), [])
})

test('the page of a user shows everything stored, except secrets', async () => {
  const [stored] = await site.rows<Record<string, string>>(
    'select u.id, u.password_hash, u.device_stamp, s.token_hash, a.secret from users u, sessions s, authenticator_apps a where u.name = ?',
    'Anna',
  )
  const page = await admin.visitor.open(`${LIST}${admin.id}/`)
  assert.is(page.status, 200)
  for (const text of [
    'Anna@example.com',
    admin.id,
    'Two-step verification',
    'Sessions',
    'Emails',
    'Logged in',
  ])
    assert.match(page.text, text)
  for (const secret of ['password_hash', 'device_stamp', 'token_hash', 'secret'] as const) {
    const text = stored?.[secret] ?? ''
    assert.ok(text.length > 10 && !page.text.includes(text), secret)
  }
  assert.not.match(page.text, /\$argon2/)
  assert.is((await admin.visitor.open(`${LIST}nobody/`)).status, 404)
})

test.run()
