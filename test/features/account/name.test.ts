import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PASSWORD, type Page, Site, type Visitor } from '../../support/helpers.js'

const test = suite('account/name')
let site: Site

test.before(async () => {
  site = await Site.start({ environment: { LIMIT_SIGNUP_NETWORK: '500/1h', LIMIT_TAKEN_NETWORK: '500/1h' } })
})
test.after(() => site.close())

const PATH = '/account/name/'
const DAY = 24 * 60 * 60 * 1000
/** How long a login is recent. */
const RECENT = 10 * 60 * 1000
const TAKEN = '⚠ This username is already taken.'

async function rename(visitor: Visitor, username: string): Promise<Page> {
  return visitor.send(await visitor.open(PATH), { username })
}

/** Returns the page that the visitor sees: htmx's response, or the one after the redirect. */
async function seen(visitor: Visitor, response: Page): Promise<Page> {
  assert.is(response.status, visitor.htmx ? 200 : 303, response.text)
  return visitor.htmx ? response : visitor.open(response.headers.location ?? '')
}

interface Stored {
  id: string
  name: string
  name_key: string
  slug: string
}

async function stored(nameKey: string): Promise<Stored | undefined> {
  const [user] = await site.rows<Stored>(
    'select id, name, name_key, slug from users where name_key = ?',
    nameKey,
  )
  return user
}

async function eventsOf(nameKey: string): Promise<(string | null)[]> {
  const found = await site.rows<{ about: string | null }>(
    "select about from events join users on users.id = user_id where name_key = ? and kind = 'name_changed' order by events.id",
    nameKey,
  )
  return found.map(({ about }) => about)
}

async function canLogIn(username: string): Promise<boolean> {
  const page = await site.visitor().logIn(username)
  return page.status === 303
}

for (const htmx of [false, true]) {
  const kind = htmx ? 'with htmx' : 'without htmx'
  const tag = htmx ? 'x' : 'p'

  test(`${kind}: a visitor must log in first, and comes back`, async () => {
    const page = await site.visitor().open(PATH, htmx ? { 'HX-Request': 'true' } : {})
    assert.is(page.headers[htmx ? 'hx-redirect' : 'location'], '/login/?next=%2Faccount%2Fname%2F')
  })

  test(`${kind}: a new username is shown everywhere and used to log in`, async () => {
    const visitor = await site.visitor({ htmx }).settle(`Before ${tag}`)
    const form = await visitor.open(PATH)
    assert.is(form.value('username'), `Before ${tag}`)
    const response = await visitor.send(form, { username: ` After ${tag} ` })
    const page = await seen(visitor, response)
    assert.equal(page.messages(), [`✔ Your username is now After ${tag}.`])
    if (htmx) {
      assert.is(page.onward, '/account/')
      assert.is(page.value('username'), `After ${tag}`)
    } else assert.is(response.headers.location, '/account/')
    const account = await visitor.open('/account/')
    assert.is(account.$('nav bdi').text(), `After ${tag}`)
    assert.is(account.$('dd bdi').first().text(), `After ${tag}`)
    assert.is((await visitor.open(PATH)).value('username'), `After ${tag}`)
    assert.ok(await canLogIn(`after ${tag}`))
    assert.not.ok(await canLogIn(`Before ${tag}`))
    assert.equal(await eventsOf(`after ${tag}`), [`Before ${tag} → After ${tag}`])
  })

  test(`${kind}: a refused username is kept in the form, and not stored`, async () => {
    await site.visitor().signUp(`Taken ${tag}`)
    const visitor = await site.visitor({ htmx }).settle(`Wrong ${tag}`)
    for (const [username, message] of [
      ['', 'Choose a username.'],
      ['ab', 'Username must be between 3 and 25 characters.'],
      ['<script>', 'Username can only include letters, numbers, spaces, dots, underscores and hyphens.'],
      ['admin', 'This username is reserved. Choose another one.'],
      [`taken ${tag}`, 'This username is already taken.'],
      [`Taken-${tag}`, 'This username is already taken.'],
    ] as const) {
      const page = await rename(visitor, username)
      assert.is(page.status, 406)
      assert.equal(page.messages(), [`⚠ ${message}`])
      assert.is(page.fieldError('username'), message)
      if (!htmx) assert.is(page.value('username') ?? '', username)
      assert.is(page.isWhole, !htmx)
      assert.is(page.$('script:not([src], [type="text/html"])').length, 0)
    }
    assert.equal(await eventsOf(`wrong ${tag}`), [])
  })

  test(`${kind}: your own username is no change, but in another capitalization it is`, async () => {
    const visitor = await site.visitor({ htmx }).settle(`Same ${tag}`)
    const before = await site.rows('select * from users where name_key = ?', `same ${tag}`)
    const same = await seen(visitor, await rename(visitor, ` Same ${tag}`))
    assert.equal(same.messages(), ['✔ This is already your username.'])
    assert.equal(await site.rows('select * from users where name_key = ?', `same ${tag}`), before)
    assert.equal(await eventsOf(`same ${tag}`), [])
    await seen(visitor, await rename(visitor, `SAME ${tag}`))
    assert.is((await stored(`same ${tag}`))?.name, `SAME ${tag}`)
    const slugs = await site.rows('select slug, until from slugs where slug = ?', `same-${tag}`)
    assert.equal(slugs, [{ slug: `same-${tag}`, until: null }])
    assert.is((await visitor.open(`/users/same-${tag}/`)).status, 200)
  })

  test(`${kind}: a form sent while logged out comes back after the login`, async () => {
    const visitor = await site.visitor({ htmx }).settle(`Late ${tag}`)
    const form = await visitor.open(PATH)
    await visitor.send(await visitor.open('/logout/'))
    const refused = await visitor.send(form, { username: `Later ${tag}` })
    assert.is(refused.status, 403)
    assert.match(refused.messages().join(), 'You are logged out')
    if (!htmx) assert.is(refused.value('username'), `Later ${tag}`)
    assert.is(refused.$('.error a').attr('href'), '/login/?next=%2Faccount%2Fname%2F')
    await visitor.logIn(`Late ${tag}`)
    assert.is((await visitor.open(PATH)).value('username'), `Later ${tag}`)
    assert.is(await stored(`later ${tag}`), undefined)
  })

  test(`${kind}: an old login needs the password, and the form comes back`, async () => {
    const visitor = await site.visitor({ htmx }).settle(`Stale ${tag}`)
    const form = await visitor.open(PATH)
    site.clock.advance(RECENT - 1)
    assert.is((await visitor.open(PATH)).status, 200)
    site.clock.advance(1)
    assert.is((await visitor.open(PATH)).headers.location, '/password/confirm/?next=%2Faccount%2Fname%2F')
    const asked = await visitor.send(form, { username: `Fresh ${tag}` })
    assert.is(asked.status, 403)
    assert.is(asked.isWhole, !htmx)
    assert.match(asked.messages().join(), 'Enter your password first. Nothing has been changed yet.')
    const back = await visitor.confirm(asked)
    assert.match(back.messages().join(), 'Here is what you typed. Nothing has been sent yet')
    assert.is(back.value('username'), `Fresh ${tag}`)
    assert.is(await stored(`fresh ${tag}`), undefined)
    await seen(visitor, await visitor.send(back))
    assert.is((await stored(`fresh ${tag}`))?.name, `Fresh ${tag}`)
  })

  test(`${kind}: 5 changes a day, not counting refused ones`, async () => {
    await site.visitor().signUp(`Full ${tag}`)
    const visitor = await site.visitor({ htmx }).settle(`Often ${tag}0`)
    for (let count = 1; count <= 5; count++) {
      assert.is((await rename(visitor, `full ${tag}`)).status, 406)
      await seen(visitor, await rename(visitor, `Often ${tag}${count}`))
    }
    const page = await rename(visitor, `Often ${tag}6`)
    assert.is(page.status, 429)
    assert.match(page.messages().join(), 'You have changed your username too often. Try again in 24 hours')
    assert.is(page.headers['retry-after'], String(DAY / 1000))
    if (!htmx) assert.is(page.value('username'), `Often ${tag}6`)
    assert.is((await rename(visitor, `Often ${tag}5`)).status, htmx ? 200 : 303)
    site.clock.advance(DAY)
    const again = await site.visitor({ htmx }).settle(`Often ${tag}5`)
    await seen(again, await rename(again, `Often ${tag}6`))
  })
}

test('an email has both usernames, the device and the IP address', async () => {
  const visitor = site.visitor()
  visitor.agent.set('User-Agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0')
  await visitor.settle('Noticed')
  await site.write("update users set email_confirmed_at = 1 where name = 'Noticed'")
  await site.emptyMailbox()
  await rename(visitor, 'Noticed Anew')
  const mail = await site.mail('Noticed@example.com')
  assert.match(mail.subject, 'Your Gatehouse username was changed')
  assert.match(mail.text, 'Your username was changed from Noticed to Noticed Anew')
  assert.match(mail.text, 'Firefox on Linux')
  assert.match(mail.text, '127.0.0.1')
  await rename(visitor, 'ad')
  await rename(visitor, 'Noticed Anew')
  assert.is((await site.mails('Noticed@example.com')).length, 1)
})

test('the activity shows the change, with right-to-left names isolated', async () => {
  const visitor = await site.visitor().settle('Arrow')
  await rename(visitor, 'محمد علي')
  const page = await visitor.open('/account/activity/')
  const title = page.$('.rows h2').first()
  assert.is(title.text().trim(), 'Username changed: Arrow → محمد علي')
  assert.equal(
    title
      .find('bdi')
      .toArray()
      .map((name) => page.$(name).text()),
    ['Arrow', 'محمد علي'],
  )
})

test('usernames of any script are accepted, and escaped on every page', async () => {
  const visitor = await site.visitor().settle('Scripts')
  for (const [username, path] of [
    ['Слава', '/users/slava/'],
    ['王小明', `/users/${encodeURIComponent('王小明')}/`],
    ['مريم', undefined],
    ['Straße', '/users/strasse/'],
  ] as const) {
    await seen(visitor, await rename(visitor, username))
    const link = (await visitor.open('/account/')).$('dd a').attr('href') ?? ''
    if (path !== undefined) assert.is(link, path)
    const page = await visitor.open(link)
    assert.is(page.$('h1').text(), username)
    assert.is(page.$('nav bdi').text(), username)
  }
})

test('the old public page and username are reserved for 90 days', async () => {
  const visitor = await site.visitor().settle('Moving')
  await rename(visitor, 'Moved')
  const rival = await site.visitor().settle('Rival')
  const moved = await site.visitor().open('/users/moving/')
  assert.is(moved.status, 301)
  assert.is(moved.headers.location, '/users/moved/')
  assert.is(moved.headers['cache-control'], 'private, no-cache, no-store')
  assert.is(moved.headers.vary, 'HX-Request')
  assert.equal((await site.visitor().signUp('Moving', { email: 'm@example.com' })).messages(), [TAKEN])
  assert.equal((await rename(rival, 'moving')).messages(), [TAKEN])

  site.clock.advance(90 * DAY - 1)
  assert.is((await site.visitor().open('/users/moving/')).status, 301)
  assert.equal((await site.visitor().signUp('Moving', { email: 'm@example.com' })).messages(), [TAKEN])
  site.clock.advance(1)
  assert.is((await site.visitor().open('/users/moving/')).status, 404)
  const again = site.visitor()
  await again.logIn('Rival')
  await seen(again, await rename(again, 'Moving'))
  const page = await site.visitor().open('/users/moving/')
  assert.is(page.status, 200)
  assert.is(page.$('h1').text(), 'Moving')
  assert.is((await site.visitor().open('/users/moved/')).status, 200)
})

test('your own previous username is available to you right away', async () => {
  const visitor = await site.visitor().settle('Return')
  await rename(visitor, 'Departed')
  await seen(visitor, await rename(visitor, 'Return'))
  assert.is((await site.visitor().open('/users/return/')).status, 200)
  const former = await site.visitor().open('/users/departed/')
  assert.is(former.headers.location, '/users/return/')
})

test('50 parallel changes to one username succeed once, and others keep theirs', async () => {
  const many = Array.from({ length: 50 }, (_, index) => index)
  const visitors: Visitor[] = []
  for (const index of many)
    visitors.push(await site.visitor({ htmx: index % 2 === 0 }).settle(`Racer ${index}`))
  const ready = await Promise.all(
    visitors.map(async (visitor) => ({ visitor, form: await visitor.open(PATH) })),
  )
  await site.emptyMailbox()
  const pages = await Promise.all(
    ready.map(({ visitor, form }) => visitor.send(form, { username: 'Winner' })),
  )
  const refused = pages.filter(({ status }) => status === 406)
  assert.is(refused.length, 49, pages.map(({ status }) => status).join())
  for (const page of refused) assert.equal(page.messages(), [TAKEN])
  const winner = pages.findIndex(({ status }) => status !== 406)
  assert.is((await stored('winner'))?.slug, 'winner')
  assert.equal(await eventsOf('winner'), [`Racer ${winner} → Winner`])
  const [{ count } = { count: 0 }] = await site.rows<{ count: number }>(
    "select count(*) as count from users where name like 'Racer %'",
  )
  assert.is(Number(count), 49)
  const slugs = await site.rows<{ slug: string }>(
    "select slug from slugs where (slug like 'racer-%' and until is not null) or slug = 'winner'",
  )
  assert.equal(slugs.map(({ slug }) => slug).sort(), [`racer-${winner}`, 'winner'])
  await site.emptyMailbox()
})

test('of a parallel sign-up and change to one username, one succeeds', async () => {
  const visitor = await site.visitor().settle('Changer')
  const form = await visitor.open(PATH)
  const [changed, signedUp] = await Promise.all([
    visitor.send(form, { username: 'Contested' }),
    site.visitor().signUp('Contested', { email: 'contested@example.com' }),
  ])
  const statuses = [changed.status, signedUp.status]
  assert.equal([...statuses].sort(), [303, 406], statuses.join())
})

test('two users who swap usernames in parallel are both refused', async () => {
  const one = await site.visitor().settle('Swap one')
  const other = await site.visitor().settle('Swap two')
  const form = await one.open(PATH)
  const otherForm = await other.open(PATH)
  const pages = await Promise.all([
    one.send(form, { username: 'Swap two' }),
    other.send(otherForm, { username: 'Swap one' }),
  ])
  assert.equal(
    pages.map(({ status }) => status),
    [406, 406],
  )
})

test('a double click changes the username once', async () => {
  const visitor = await site.visitor().settle('Double')
  const form = await visitor.open(PATH)
  const pages = await Promise.all([1, 2].map(() => visitor.send(form, { username: 'Doubled' })))
  assert.equal(
    pages.map(({ status }) => status),
    [303, 303],
  )
  assert.equal(await eventsOf('doubled'), ['Double → Doubled'])
})

test('two parallel changes of one user leave one slug', async () => {
  const visitor = await site.visitor().settle('Windows')
  const form = await visitor.open(PATH)
  const pages = await Promise.all(
    ['Window A', 'Window B'].map((username) => visitor.send(form, { username })),
  )
  for (const page of pages) assert.ok([303, 406].includes(page.status), String(page.status))
  const current = await site.rows<{ slug: string }>(
    "select slug from slugs where (slug = 'windows' or slug like 'window-%') and until is null",
  )
  assert.is(current.length, 1)
})

test('without email the username changes, too', async () => {
  const silent = await Site.start({ mail: 'off' })
  const visitor = await silent.visitor().settle('Silent')
  assert.is((await rename(visitor, 'Quiet')).status, 303)
  assert.equal(await silent.rows('select id from mails'), [])
  await silent.close()
})

test('a change is rolled back if its event cannot be stored', async () => {
  const broken = await Site.start()
  const visitor = await broken.visitor().settle('Whole')
  const form = await visitor.open(PATH)
  await broken.write('drop table events')
  assert.is((await visitor.send(form, { username: 'Half' })).status, 500)
  assert.equal(await broken.rows('select name from users'), [{ name: 'Whole' }])
  assert.equal(await broken.rows('select slug, until from slugs'), [{ slug: 'whole', until: null }])
  await broken.close()
})

test('a forged form is refused', async () => {
  const visitor = await site.visitor().settle('Forged')
  const forged = new URLSearchParams({ username: 'Stolen' }).toString()
  assert.is((await visitor.post(`${PATH}verify/`, forged)).status, 403)
  assert.is((await visitor.post(`${PATH}verify/`, forged, { 'Sec-Fetch-Site': 'cross-site' })).status, 403)
  assert.is((await visitor.open(`${PATH}verify/`)).status, 403)
  assert.is((await visitor.post(PATH, forged)).status, 405)
  assert.is(await stored('stolen'), undefined)
})

test('a password that equals the new username still works', async () => {
  const visitor = await site.visitor().settle('Phrase')
  assert.is((await rename(visitor, PASSWORD)).status, 303)
  assert.ok(await canLogIn(PASSWORD))
})

test.run()
