import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PASSWORD, type Page, Site } from '../support/helpers.js'

const test = suite('sign-up')
let site: Site

test.before(async () => {
  site = await Site.start()
})
test.after(() => site.close())

const GOOD = { email: 'x@example.com', password: PASSWORD, repassword: PASSWORD }

function users(name: string) {
  return site.rows<{ name: string; email: string; name_key: string; slug: string; password_hash: string }>(
    'select * from users where name = ?',
    name,
  )
}

function assertRefused(page: Page, status: number, messages: string[]): void {
  assert.is(page.status, status)
  assert.equal(page.messages(), messages)
}

test('the form asks for username, email, password and its repetition', async () => {
  const page = await site.visitor().open('/signup/')
  assert.is(page.status, 200)
  assert.equal(
    page
      .$('main input:not([type=hidden])')
      .toArray()
      .map((input) => input.attribs.name),
    ['username', 'email', 'password', 'repassword'],
  )
  assert.is(page.$('main form').attr('method'), 'post')
  assert.is(page.$('main form').attr('action'), '/signup/verify/')
  assert.is(page.$('main form [type=submit]').length, 1)
})

for (const htmx of [false, true]) {
  const kind = htmx ? 'htmx' : 'a plain browser'

  test(`${kind}: an empty form gets all errors, in the order of the fields`, async () => {
    const visitor = site.visitor({ htmx })
    const page = await visitor.send(await visitor.open('/signup/'))
    assertRefused(page, 406, [
      '⚠ Choose a username.',
      '⚠ Enter your email address.',
      '⚠ Choose a password.',
      '⚠ Repeat the password.',
    ])
    assert.equal(
      page
        .$('.error a')
        .toArray()
        .map((link) => link.attribs.href),
      ['#username', '#email', '#password', '#repassword'],
    )
    assert.is(page.isWhole, !htmx)
    for (const name of ['username', 'email', 'password', 'repassword']) {
      assert.is(page.$(`#${name}`).attr('aria-invalid'), 'true')
      assert.ok(page.$(`#${name}`).attr('aria-describedby')?.includes(`${name}-error`))
      assert.ok(page.fieldError(name).length > 0)
    }
  })

  test(`${kind}: all errors are shown together, and input except passwords is kept`, async () => {
    const visitor = site.visitor({ htmx })
    const form = await visitor.open('/signup/')
    const page = await visitor.send(form, {
      username: 'a"<b>',
      email: 'nobody',
      password: 'abc',
      repassword: 'abd',
    })
    assertRefused(page, 406, [
      '⚠ Username can only include letters, numbers, spaces, dots, underscores and hyphens.',
      '⚠ Enter an email address like name@example.com.',
      '⚠ Password must be at least 8 characters.',
      '⚠ The passwords do not match. Enter the same one twice.',
    ])
    assert.is(page.value('username'), 'a"<b>')
    assert.is(page.value('email'), 'nobody')
    assert.is(page.value('password'), undefined)
    assert.is(page.value('repassword'), undefined)
    assert.not.match(page.text, '~a')
    assert.not.match(page.text, '<b>')
  })

  test(`${kind}: a corrected field is not marked`, async () => {
    const visitor = site.visitor({ htmx })
    const page = await visitor.send(await visitor.open('/signup/'), {
      username: 'Repaired',
      email: 'r@example.com',
    })
    assert.is(page.$('#username').attr('aria-invalid'), undefined)
    assert.is(page.fieldError('username'), '')
    assert.is(page.$('#password').attr('aria-invalid'), 'true')
  })

  test(`${kind}: a taken username and a taken email address are both reported`, async () => {
    await site.visitor().signUp('Taken', { email: 'Taken@Example.com' })
    const page = await site.visitor({ htmx }).signUp('tAKEN', { email: 'taken@example.COM' })
    assertRefused(page, 406, [
      '⚠ This username is already taken.',
      '⚠ There is already an account with this email address.',
    ])
  })

  test(`${kind}: a new user is stored with keys and hash, not logged in`, async () => {
    const name = htmx ? 'Ünïcode Htmx' : 'Ünïcode Plain'
    const visitor = site.visitor({ htmx })
    const page = await visitor.signUp(name, { email: `${htmx}@Example.com` })
    const [user] = await users(name)
    assert.is(user?.email, `${htmx}@Example.com`)
    assert.is(user?.name_key, name.toLowerCase())
    assert.match(user?.password_hash ?? '', /^\$argon2id\$v=19\$m=64,t=1,p=1\$/)
    assert.equal(await site.rows('select slug, until from slugs where slug = ?', user?.slug), [
      { slug: user?.slug, until: null },
    ])
    if (htmx) {
      assert.is(page.status, 200)
      assert.is(page.onward, '/')
      assert.is(page.$('.success [data-hx-get]').attr('data-hx-trigger'), 'load delay:3s')
      assert.is(page.$('.success [data-hx-get] a').attr('href'), '/')
    } else {
      assert.is(page.status, 303)
      assert.is(page.headers.location, '/')
    }
    const message = htmx ? page : await visitor.open('/')
    assert.equal(message.messages(), [`✔ Your account ${name} is ready. Log in`])
    const login = message.$('.success a').first().attr('href') ?? ''
    assert.is((await visitor.open(login)).value('username'), name)
    assert.equal((await visitor.open('/')).messages(), [], 'the message is shown once')
    assert.match((await visitor.open('/')).$('nav').text(), 'Log in')
  })
}

test('a fragment has the message box, a new token and all fields out of band', async () => {
  const visitor = site.visitor({ htmx: true })
  const form = await visitor.open('/signup/')
  const page = await visitor.send(form)
  assert.is(page.$('html > body > .error').length, 1)
  assert.is(page.$('#signup-csrf').attr('data-hx-swap-oob'), 'outerHTML')
  assert.is.not(page.value('_csrf'), form.value('_csrf'))
  for (const name of ['username', 'email', 'password', 'repassword']) {
    assert.is(page.$(`#${name}-field`).attr('data-hx-swap-oob'), 'outerMorph')
  }
})

test('a form submitted twice gets its first response again', async () => {
  for (const htmx of [false, true]) {
    const visitor = site.visitor({ htmx })
    const form = await visitor.open('/signup/')
    const name = `Twice ${htmx}`
    const typed = { username: name, ...GOOD, email: `twice-${htmx}@example.com` }
    const responses = await Promise.all([visitor.send(form, typed), visitor.send(form, typed)])
    const third = await visitor.send(form, typed)
    for (const { status } of [...responses, third]) assert.is(status, htmx ? 200 : 303)
    assert.is((await users(name)).length, 1)
  }
})

test('a repeated form with another password, or from another visitor, is refused', async () => {
  const visitor = site.visitor()
  const form = await visitor.open('/signup/')
  const typed = { ...GOOD, username: 'Once', email: 'once@example.com' }
  await visitor.send(form, typed)
  const other = { password: 'another secret', repassword: 'another secret' }
  assert.is((await visitor.send(form, { ...typed, ...other })).status, 406)

  const stranger = site.visitor()
  const own = await stranger.open('/signup/')
  assert.is((await stranger.send(own, { ...typed, _once: form.value('_once') })).status, 406)
})

test('200 parallel sign-ups with one username create one account without an error', async () => {
  const visitors = Array.from({ length: 200 }, () => site.visitor({ htmx: true }))
  const forms = await Promise.all(visitors.map((visitor) => visitor.open('/signup/')))
  const responses = await Promise.all(
    visitors.map((visitor, index) => {
      const form = forms[index]
      if (form === undefined) throw new Error('There are as many forms as visitors.')
      return visitor.send(form, { ...GOOD, username: 'Crowd', email: `crowd-${index}@example.com` })
    }),
  )
  assert.is(responses.filter(({ status }) => status === 200).length, 1)
  assert.is(responses.filter(({ status }) => status === 406).length, 199)
  assert.is((await users('Crowd')).length, 1)
})

test('usernames that differ only in case or compatible forms are the same', async () => {
  await site.visitor().signUp('Straße')
  for (const name of ['STRASSE', 'straße', 'Ｓtraße', ' Straße ']) {
    const page = await site.visitor().signUp(name, { email: `${Math.random()}@example.com` })
    assertRefused(page, 406, ['⚠ This username is already taken.'])
  }
})

test('a username with another user’s public page is taken', async () => {
  await site.visitor().signUp('Anna-Belle')
  const page = await site.visitor().signUp('anna belle', { email: 'belle@example.com' })
  assertRefused(page, 406, ['⚠ This username is already taken.'])
  assert.is((await site.rows("select * from users where slug = 'anna-belle'")).length, 1)
})

test('the password is not trimmed, and must not be the username or the email address', async () => {
  const spaces = { password: '  spaced out  ', repassword: 'spaced out' }
  assertRefused(await site.visitor().signUp('Spacey', spaces), 406, [
    '⚠ The passwords do not match. Enter the same one twice.',
  ])
  const own = { email: 'self@example.com', password: 'Self@example.com', repassword: 'Self@example.com' }
  assertRefused(await site.visitor().signUp('Selfish', own), 406, [
    '⚠ Password must not be mostly your username, your email address or the name of this site.',
  ])
})

test('a host app can require longer passwords with its own message', async () => {
  const strict = await Site.start({
    passwordMinLength: 15,
    messages: { password_short: 'At least {min}, please.' },
  })
  const page = await strict
    .visitor()
    .signUp('Shorty', { password: 'fourteen chars', repassword: 'fourteen chars' })
  assertRefused(page, 406, ['⚠ At least 15, please.'])
  await strict.close()
})

test('a logged-in user is sent home', async () => {
  const visitor = await site.visitor().settle('Settled')
  const page = await visitor.open('/signup/')
  assert.is(page.status, 303)
  assert.is(page.headers.location, '/')
  const fragment = await visitor.open('/signup/', { 'HX-Request': 'true' })
  assert.is(fragment.headers['hx-redirect'], '/')
})

test('passwords that zxcvbn rates too low are refused if the app requires it', async () => {
  const strict = await Site.start({ passwordMinScore: 3 })
  const weak = { password: 'greencar12', repassword: 'greencar12' }
  assertRefused(await strict.visitor().signUp('Weaky', weak), 406, [
    '⚠ This password is too easy to guess. Add another word or two.',
  ])
  const visitor = await strict.visitor().settle('Strongy')
  assert.is((await visitor.open('/account/')).status, 200)
  await strict.close()
})

for (const htmx of [false, true]) {
  test(`${htmx ? 'htmx' : 'plain'}: closed sign-up says so and leads to the login`, async () => {
    const open = await Site.start()
    const form = await open.visitor().open('/signup/')
    assert.is(form.$('a[href="/signup/"]').length, 1)
    const closed = await Site.start({
      environment: { SIGNUP: 'closed', SITE_NAME: 'The shop' },
      database: open.database,
    })
    const visitor = closed.visitor({ htmx })
    const page = await visitor.open('/signup/')
    assert.is(page.status, 403)
    assert.match(page.text, 'This site does not accept new accounts.')
    assert.match(page.title, 'The shop')
    for (const path of ['/', '/login/', '/signup/']) {
      assert.is((await visitor.open(path)).$('a[href="/signup/"]').length, 0, path)
    }
    const sent = await visitor.send(form, {
      username: 'Late',
      email: 'late@example.com',
      password: PASSWORD,
      repassword: PASSWORD,
    })
    assert.is(sent.status, 403)
    assert.equal(await closed.rows("select 1 from users where name = 'Late'"), [])
    assert.is((await visitor.open('/signup/hints/')).status, 404)
    await closed.close()
    await open.close()
  })
}

test.run()
