import { HtmlValidate } from 'html-validate'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PASSWORD, type Page, Site } from './helpers.js'

const test = suite('html')
let site: Site

test.before(async () => {
  site = await Site.start({ development: true })
  await site.visitor().signUp('Valid')
})
test.after(() => site.close())

const RULES = {
  // The standard's own spelling is lower case, and our scripts come from our own address.
  'doctype-style': 'off' as const,
  'require-sri': 'off' as const,
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
    '/users/valid/',
    '/nowhere',
    '/signup/verify/',
  ]) {
    await assertValid(await site.visitor().open(path), path)
  }
  for (const path of [
    '/',
    '/logout/',
    '/account/devices/',
    '/account/activity/',
    '/account/password/',
    '/account/close/',
  ])
    await assertValid(await user.open(path), path)
})

for (const htmx of [false, true]) {
  test(`every answer to a form is valid, for ${htmx ? 'htmx' : 'a plain browser'}`, async () => {
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
    await assertValid(await visitor.send(signup, { _csrf: 'x' }), 'an old page')
    await assertValid(await visitor.signUp('Valid'), 'a name in use')
    await assertValid(await visitor.signUp(`Valid ${htmx}`), 'an accepted sign-up')
    if (!htmx) await assertValid(await visitor.open('/'), 'home with a message')
    await assertValid(await visitor.logIn('Valid', { password: 'x' }), 'a refused login')
    await assertValid(await visitor.post('/login/verify/', 'a=b&a=c'), 'a broken form')
    await assertValid(await visitor.logIn('Valid', { password: PASSWORD }), 'an accepted login')
  })
}

for (const htmx of [false, true]) {
  test(`every answer of the list of devices is valid, for ${htmx ? 'htmx' : 'a plain browser'}`, async () => {
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
  test(`every answer about a password and a closed account is valid, for ${htmx ? 'htmx' : 'a plain browser'}`, async () => {
    const name = `Goer ${htmx}`
    const visitor = await site.visitor({ htmx }).settle(name)
    const password = await visitor.open('/account/password/')
    await assertValid(await visitor.send(password), 'an empty change of the password')
    const typed = { current: PASSWORD, password: 'better horse 43', repassword: 'better horse 43' }
    await assertValid(await visitor.send(password, typed), 'a changed password')
    await site.emptyMailbox()
    const closing = await visitor.open('/account/close/')
    await assertValid(await visitor.send(closing, { _csrf: 'x' }), 'an old page')
    await visitor.send(closing)
    const { link } = await site.mail()
    await visitor.open(link)
    const undo = await visitor.open('/account/close/undo/')
    await assertValid(undo, 'the page of the link')
    await assertValid(await visitor.send(undo, { _csrf: 'x' }), 'an old page of the link')
    await assertValid(await site.visitor().open('/account/close/undo/'), 'the page without a link')
  })
}

test.run()
