import { suite } from 'uvu'
import { PASSWORD, type Page, Site } from './support/helpers.js'
import { assertValid } from './support/html.js'

const test = suite('html')
let site: Site

test.before(async () => {
  const environment = { LIMIT_MAIL_NETWORK: '1000/1h', LIMIT_SIGNUP_NETWORK: '1000/1h' }
  site = await Site.start({ development: true, environment })
  await site.visitor().signUp('Valid')
})
test.after(() => site.close())

function assertPage(page: Page, what: string): Promise<void> {
  return assertValid(page.text, what, page.isWhole ? 'page' : 'fragment')
}

test('every whole page is valid', async () => {
  const user = await site.visitor().settle('Settled')
  for (const path of [
    '/',
    '/signup/',
    '/login/',
    '/login/?next=/%22%3e',
    '/password/forgot/',
    '/account/close/undo/',
    '/dev/mailbox/',
    '/users/valid/',
    '/nowhere',
    '/signup/verify/',
  ]) {
    await assertPage(await site.visitor().open(path), path)
  }
  for (const path of [
    '/',
    '/logout/',
    '/account/',
    '/account/name/',
    '/account/devices/',
    '/account/activity/',
    '/account/export/',
    '/account/email/',
    '/account/password/',
    '/account/close/',
    '/email/confirm/',
    '/email/confirm/address/',
  ]) {
    await assertPage(await user.open(path), path)
  }
})

for (const htmx of [false, true]) {
  test(`every response to a form is valid for ${htmx ? 'htmx' : 'a plain browser'}`, async () => {
    const visitor = site.visitor({ htmx })
    const nasty = {
      username: `"'><script>alert(1)</script>`,
      email: '"><img src=x>',
      password: 'a',
      repassword: 'b',
    }
    const signup = await visitor.open('/signup/')
    await assertPage(await visitor.send(signup), 'an empty sign-up')
    await assertPage(await visitor.send(signup, nasty), 'a nasty sign-up')
    await assertPage(await visitor.send(signup, { _csrf: 'x' }), 'an expired page')
    await assertPage(await visitor.signUp('Valid'), 'a taken username')
    await assertPage(await visitor.signUp(`Valid ${htmx}`), 'an accepted sign-up')
    if (!htmx) await assertPage(await visitor.open('/'), 'home with a message')
    await assertPage(await visitor.logIn('Valid', { password: 'x' }), 'a refused login')
    await assertPage(await visitor.post('/login/verify/', 'a=b&a=c'), 'a malformed form')
    await assertPage(await visitor.logIn('Valid', { password: PASSWORD }), 'an accepted login')
  })
}

for (const htmx of [false, true]) {
  test(`every response to a username change is valid for ${htmx ? 'htmx' : 'a plain browser'}`, async () => {
    const visitor = await site.visitor({ htmx }).settle(`Namer ${htmx}`)
    const form = await visitor.open('/account/name/')
    await assertPage(await visitor.send(form, { username: `"'><script>` }), 'a wrong name')
    await assertPage(await visitor.send(form, { username: 'Valid' }), 'a taken username')
    await assertPage(await visitor.send(form), 'the same name')
    await assertPage(await visitor.send(form, { username: `Слава ${htmx}` }), 'a new name')
    for (const path of ['/account/', '/account/activity/', '/account/export/'])
      await assertPage(await visitor.open(path), path)
  })
}

for (const htmx of [false, true]) {
  test(`every response of the devices page is valid for ${htmx ? 'htmx' : 'a plain browser'}`, async () => {
    const name = `Lister ${htmx}`
    await site.visitor().settle(name)
    const visitor = await site.visitor({ htmx }).settle(name)
    const list = await visitor.open('/account/devices/')
    const [own = '', other = ''] = list
      .$('form[action$="/name/"]')
      .toArray()
      .map((form) => form.attribs.action)
    const named = await visitor.send(list, { name: `"'><b>&amp;</b>` }, own)
    await assertPage(named, 'a name')
    await assertPage(await visitor.open('/account/devices/'), 'a list with a name')
    await assertPage(await visitor.send(list, { name: '"'.repeat(41) }, other), 'a wrong name')
    await assertPage(await visitor.send(list, {}, other.replace('/name/', '/revoke/')), 'one logged out')
    await assertPage(await visitor.send(list, {}, '/account/devices/revoke/'), 'all others logged out')
  })
}

for (const htmx of [false, true]) {
  const kind = htmx ? 'htmx' : 'a plain browser'

  test(`every response of an email confirmation is valid for ${kind}`, async () => {
    const [name, email] = [`Confirmer ${htmx}`, `confirmer${htmx}@example.com`]
    const visitor = site.visitor({ htmx })
    await visitor.signUp(name, { email })
    const page = await visitor.open('/email/confirm/')
    await assertPage(await visitor.send(page, { code: '"><b>' }), 'no code')
    for (const what of ['another email', 'another email too soon']) {
      await assertPage(await visitor.send(page, {}, '/email/confirm/send/'), what)
    }
    const mail = await site.mailThat(email, ({ code }) => code !== '')
    const address = await visitor.open('/email/confirm/address/')
    await assertPage(await visitor.send(address, { email: '"><b>' }), 'no address')
    await assertPage(await visitor.send(address, { email: `right-${email}` }), 'a corrected address')
    await assertPage(await visitor.follow(mail), 'a link that does not work')
    const right = await site.mail(`right-${email}`)
    const stranger = site.visitor({ htmx })
    const link = await stranger.follow(right)
    await assertPage(link, 'a link elsewhere')
    await assertPage(await stranger.send(link), 'no password')
    await assertPage(await stranger.open('/email/confirm/deny/'), 'this was not me')
    await assertPage(await visitor.follow(right), 'a link')
    await assertPage(await visitor.send(await visitor.open('/email/confirm/')), 'a confirmed address')
  })

  test(`every response of a password reset is valid for ${kind}`, async () => {
    const [name, email] = [`Forgetter ${htmx}`, `forgetter${htmx}@example.com`]
    await site.visitor().signUp(name, { email })
    await site.emptyMailbox()
    const visitor = site.visitor({ htmx })
    const forgot = await visitor.open('/password/forgot/')
    await assertPage(await visitor.send(forgot), 'no name')
    await assertPage(await visitor.send(forgot, { username: name }), 'a name')
    const mail = await site.mail(email)
    const code = await visitor.open('/password/reset/')
    await assertPage(code, 'the page of the code')
    await assertPage(await visitor.send(code, { code: '"><b>' }), 'no code')
    const link = await visitor.follow(mail)
    await assertPage(link, 'the page of the link')
    await assertPage(await visitor.send(link, { password: 'a', repassword: 'b' }), 'a refused password')
    const done = await visitor.send(link, { password: 'another horse 43', repassword: 'another horse 43' })
    await assertPage(done, 'a new password')
    await assertPage(await site.visitor().follow(mail), 'a used link')
  })

  test(`every response of an email change is valid for ${kind}`, async () => {
    const [name, email] = [`Mover ${htmx}`, `mover${htmx}@example.com`]
    const visitor = await site.visitor({ htmx }).settle(name)
    await visitor.send(await visitor.follow(await site.mail(`Mover20${htmx}@example.com`)))
    const page = await visitor.open('/account/email/')
    await assertPage(await visitor.send(page, { email: '"><b>' }), 'no address')
    await assertPage(await visitor.send(page, { email }), 'an address')
    const pending = await visitor.open('/account/email/')
    await assertPage(pending, 'a waiting change')
    for (const action of ['send', 'send', 'cancel', 'cancel']) {
      // A canceled email that is being sent would arrive later.
      await site.allSent()
      await assertPage(await visitor.send(pending, {}, `/account/email/${action}/`), action)
    }
    await site.emptyMailbox()
    await visitor.send(page, { email })
    const mail = await site.mail(email)
    const stranger = site.visitor({ htmx })
    const link = await stranger.follow(mail)
    await assertPage(link, 'a link elsewhere')
    await assertPage(await stranger.send(link), 'no password')
    await assertPage(await visitor.send(await visitor.follow(mail)), 'a new address')
    const undoing = await stranger.follow(
      await site.mailThat(undefined, ({ link }) => link.includes('/undo/')),
    )
    await assertPage(undoing, 'the page that undoes it')
  })

  test(`every response about password and closing is valid for ${kind}`, async () => {
    const name = `Leaver ${htmx}`
    const visitor = await site.visitor({ htmx }).settle(name)
    const page = await visitor.open('/account/password/')
    await assertPage(await visitor.send(page), 'nothing')
    const typed = { current: PASSWORD, password: 'another horse 43', repassword: 'another horse 43' }
    await assertPage(await visitor.send(page, typed), 'a new password')
    await site.emptyMailbox()
    await assertPage(
      await visitor.send(await visitor.open('/account/close/'), { _csrf: 'x' }),
      'an expired page',
    )
    await assertPage(await visitor.send(await visitor.open('/account/close/')), 'a closed account')
    const mail = await site.mail()
    const back = await visitor.follow(mail)
    await assertPage(back, 'the page that reopens it')
    await assertPage(await visitor.send(back), 'a reopened account')
  })
}

test('emails are valid pages, and so is the mailbox', async () => {
  const own = await Site.start({ environment: { NODE_ENV: 'development' } })
  const maintainer = own.visitor()
  await own.visitor().signUp('Written')
  await own.allSent()
  const list = await maintainer.open('/dev/mailbox/')
  await assertPage(list, 'the list')
  const [path = ''] = list
    .$('.rows h2 a')
    .toArray()
    .map(({ attribs }) => attribs.href)
  await assertPage(await maintainer.open(path), 'an email as text')
  await assertPage(await maintainer.open(`${path}html/`), 'an email as HTML')
  await own.close()
})

test.run()
