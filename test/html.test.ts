import { HtmlValidate } from 'html-validate'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PASSWORD, type Page, Site } from './support/helpers.js'

const test = suite('html')
let site: Site

test.before(async () => {
  const environment = { LIMIT_MAIL_NETWORK: '1000/1h', LIMIT_SIGNUP_NETWORK: '1000/1h' }
  site = await Site.start({ development: true, environment })
  await site.visitor().signUp('Valid')
})
test.after(() => site.close())

const RULES = {
  // The standard itself spells it in lower case, and our scripts come from our own origin.
  'doctype-style': 'off' as const,
  'require-sri': 'off' as const,
  // The line above the signature of a text email is two hyphens and a space (RFC 3676).
  'no-trailing-whitespace': 'off' as const,
}
const whole = new HtmlValidate({
  extends: ['html-validate:recommended', 'html-validate:document'],
  rules: RULES,
})
const fragment = new HtmlValidate({ extends: ['html-validate:recommended'], rules: RULES })

async function assertValid(page: Page, what: string): Promise<void> {
  const validator = page.isWhole ? whole : fragment
  const { results } = await validator.validateString(page.text)
  const complaints = results.flatMap(({ messages }) =>
    messages.map(({ line, message }) => `${line}: ${message}`),
  )
  assert.equal(complaints, [], `${what}\n${page.text}`)
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
    await assertValid(await site.visitor().open(path), path)
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
    await assertValid(await user.open(path), path)
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
    await assertValid(await visitor.send(signup), 'an empty sign-up')
    await assertValid(await visitor.send(signup, nasty), 'a nasty sign-up')
    await assertValid(await visitor.send(signup, { _csrf: 'x' }), 'an expired page')
    await assertValid(await visitor.signUp('Valid'), 'a taken username')
    await assertValid(await visitor.signUp(`Valid ${htmx}`), 'an accepted sign-up')
    if (!htmx) await assertValid(await visitor.open('/'), 'home with a message')
    await assertValid(await visitor.logIn('Valid', { password: 'x' }), 'a refused login')
    await assertValid(await visitor.post('/login/verify/', 'a=b&a=c'), 'a malformed form')
    await assertValid(await visitor.logIn('Valid', { password: PASSWORD }), 'an accepted login')
  })
}

for (const htmx of [false, true]) {
  test(`every response to a username change is valid for ${htmx ? 'htmx' : 'a plain browser'}`, async () => {
    const visitor = await site.visitor({ htmx }).settle(`Namer ${htmx}`)
    const form = await visitor.open('/account/name/')
    await assertValid(await visitor.send(form, { username: `"'><script>` }), 'a wrong name')
    await assertValid(await visitor.send(form, { username: 'Valid' }), 'a taken username')
    await assertValid(await visitor.send(form), 'the same name')
    await assertValid(await visitor.send(form, { username: `Слава ${htmx}` }), 'a new name')
    for (const path of ['/account/', '/account/activity/', '/account/export/'])
      await assertValid(await visitor.open(path), path)
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
    await assertValid(named, 'a name')
    await assertValid(await visitor.open('/account/devices/'), 'a list with a name')
    await assertValid(await visitor.send(list, { name: '"'.repeat(41) }, other), 'a wrong name')
    await assertValid(await visitor.send(list, {}, other.replace('/name/', '/revoke/')), 'one logged out')
    await assertValid(await visitor.send(list, {}, '/account/devices/revoke/'), 'all others logged out')
  })
}

for (const htmx of [false, true]) {
  const kind = htmx ? 'htmx' : 'a plain browser'

  test(`every response of an email confirmation is valid for ${kind}`, async () => {
    const [name, email] = [`Confirmer ${htmx}`, `confirmer${htmx}@example.com`]
    const visitor = site.visitor({ htmx })
    await visitor.signUp(name, { email })
    const page = await visitor.open('/email/confirm/')
    await assertValid(await visitor.send(page, { code: '"><b>' }), 'no code')
    for (const what of ['another email', 'another email too soon']) {
      await assertValid(await visitor.send(page, {}, '/email/confirm/send/'), what)
    }
    const [mail = await site.mail(email)] = await site.mails(email)
    const address = await visitor.open('/email/confirm/address/')
    await assertValid(await visitor.send(address, { email: '"><b>' }), 'no address')
    await assertValid(await visitor.send(address, { email: `right-${email}` }), 'a corrected address')
    await assertValid(await visitor.follow(mail), 'a link that does not work')
    const right = await site.mail(`right-${email}`)
    const stranger = site.visitor({ htmx })
    const link = await stranger.follow(right)
    await assertValid(link, 'a link elsewhere')
    await assertValid(await stranger.send(link), 'no password')
    await assertValid(await stranger.open('/email/confirm/deny/'), 'this was not me')
    await assertValid(await visitor.follow(right), 'a link')
    await assertValid(await visitor.send(await visitor.open('/email/confirm/')), 'a confirmed address')
  })

  test(`every response of a password reset is valid for ${kind}`, async () => {
    const [name, email] = [`Forgetter ${htmx}`, `forgetter${htmx}@example.com`]
    await site.visitor().signUp(name, { email })
    await site.emptyMailbox()
    const visitor = site.visitor({ htmx })
    const forgot = await visitor.open('/password/forgot/')
    await assertValid(await visitor.send(forgot), 'no name')
    await assertValid(await visitor.send(forgot, { username: name }), 'a name')
    const mail = await site.mail(email)
    const code = await visitor.open('/password/reset/')
    await assertValid(code, 'the page of the code')
    await assertValid(await visitor.send(code, { code: '"><b>' }), 'no code')
    const link = await visitor.follow(mail)
    await assertValid(link, 'the page of the link')
    await assertValid(await visitor.send(link, { password: 'a', repassword: 'b' }), 'a refused password')
    const done = await visitor.send(link, { password: 'another horse 43', repassword: 'another horse 43' })
    await assertValid(done, 'a new password')
    await assertValid(await site.visitor().follow(mail), 'a used link')
  })

  test(`every response of an email change is valid for ${kind}`, async () => {
    const [name, email] = [`Mover ${htmx}`, `mover${htmx}@example.com`]
    const visitor = await site.visitor({ htmx }).settle(name)
    await visitor.send(await visitor.follow(await site.mail(`Mover20${htmx}@example.com`)))
    const page = await visitor.open('/account/email/')
    await assertValid(await visitor.send(page, { email: '"><b>' }), 'no address')
    await assertValid(await visitor.send(page, { email }), 'an address')
    const pending = await visitor.open('/account/email/')
    await assertValid(pending, 'a waiting change')
    for (const action of ['send', 'send', 'cancel', 'cancel']) {
      await assertValid(await visitor.send(pending, {}, `/account/email/${action}/`), action)
    }
    await site.emptyMailbox()
    await visitor.send(page, { email })
    const mail = await site.mail(email)
    const stranger = site.visitor({ htmx })
    const link = await stranger.follow(mail)
    await assertValid(link, 'a link elsewhere')
    await assertValid(await stranger.send(link), 'no password')
    await assertValid(await visitor.send(await visitor.follow(mail)), 'a new address')
    const undo = (await site.mails(undefined, 2)).find(({ link }) => link.includes('/undo/'))
    const undoing = await stranger.follow({ link: undo?.link ?? '' })
    await assertValid(undoing, 'the page that undoes it')
  })

  test(`every response about password and closing is valid for ${kind}`, async () => {
    const name = `Leaver ${htmx}`
    const visitor = await site.visitor({ htmx }).settle(name)
    const page = await visitor.open('/account/password/')
    await assertValid(await visitor.send(page), 'nothing')
    const typed = { current: PASSWORD, password: 'another horse 43', repassword: 'another horse 43' }
    await assertValid(await visitor.send(page, typed), 'a new password')
    await site.emptyMailbox()
    await assertValid(
      await visitor.send(await visitor.open('/account/close/'), { _csrf: 'x' }),
      'an expired page',
    )
    await assertValid(await visitor.send(await visitor.open('/account/close/')), 'a closed account')
    const mail = await site.mail()
    const back = await visitor.follow(mail)
    await assertValid(back, 'the page that reopens it')
    await assertValid(await visitor.send(back), 'a reopened account')
  })
}

test('emails are valid pages, and so is the mailbox', async () => {
  const own = await Site.start({ environment: { NODE_ENV: 'development' } })
  const maintainer = own.visitor()
  await own.visitor().signUp('Written')
  await own.allSent()
  const list = await maintainer.open('/dev/mailbox/')
  await assertValid(list, 'the list')
  const [path = ''] = list
    .$('.rows h2 a')
    .toArray()
    .map(({ attribs }) => attribs.href)
  await assertValid(await maintainer.open(path), 'an email as text')
  await assertValid(await maintainer.open(`${path}html/`), 'an email as HTML')
  await own.close()
})

test.run()
