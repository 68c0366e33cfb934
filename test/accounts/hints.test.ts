import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { strengthOf } from '../../src/accounts/password-strength.js'
import { PASSWORD, type Page, Site, type Visitor } from '../support/helpers.js'

/*
 * Hints appear while a form is being filled in. Without JavaScript they come with the response to the form.
 */
const test = suite('hints')
let site: Site

test.before(async () => {
  site = await Site.start()
  await site.visitor().signUp('Taken')
})
test.after(() => site.close())

/** Returns the hints next to a field. */
function hintsAt(page: Page, field: string): string[] {
  return page
    .$(`#${field}-hints span`)
    .toArray()
    .map((element) => page.$(element).text().trim())
}

/** Returns what htmx gets while `typed` is in the form at `path`. */
async function whileTyping(visitor: Visitor, path: string, typed: Record<string, string>): Promise<Page> {
  const form = await visitor.open(path)
  const body = new URLSearchParams({ _csrf: form.value('_csrf') ?? '', ...typed })
  return visitor.post(`${path}hints/`, body.toString(), { 'HX-Request': 'true' })
}

async function onSignup(typed: Record<string, string>, of = site): Promise<Page> {
  return whileTyping(of.visitor(), '/signup/', typed)
}

test('hints change only their own elements on the page', async () => {
  const page = await onSignup({ username: 'Somebody', password: PASSWORD })
  assert.is(page.status, 200)
  assert.equal(
    page
      .$('body > *')
      .toArray()
      .map(({ attribs }) => [attribs.id, attribs['data-hx-swap-oob']]),
    ['username', 'email', 'password'].map((name) => [`${name}-hints`, 'outerMorph']),
  )
  assert.not.match(page.text, PASSWORD)
  assert.is(site.logs.filter((line) => line.includes(PASSWORD)).length, 0)
})

test('the hint for a username is the error that sign-up would show', async () => {
  for (const username of ['a!', 'Admin', 'TAKEN', 'ﾠﾠﾠ', '...', 'Free One']) {
    const hints = hintsAt(await onSignup({ username }), 'username')
    const visitor = site.visitor()
    const response = await visitor.send(await visitor.open('/signup/'), { username })
    const errors = response.fieldError('username')
    if (errors === '') assert.equal(hints, ['✔ This username is available.'])
    else for (const error of hints.slice(0, 1)) assert.match(errors, error)
  }
  assert.equal(hintsAt(await onSignup({ username: '' }), 'username'), [])
})

test('a suggested username is available', async () => {
  await site.visitor().signUp('Taken2')
  const hints = hintsAt(await onSignup({ username: 'taken' }), 'username')
  assert.equal(hints, ['This username is already taken.', 'taken3 is available.'])
  assert.equal(hintsAt(await onSignup({ username: 'taken3' }), 'username'), ['✔ This username is available.'])
  await site.visitor().signUp('N'.repeat(25))
  assert.equal(
    hintsAt(await onSignup({ username: 'N'.repeat(25) }), 'username')[1],
    `${'N'.repeat(24)}2 is available.`,
  )
})

test('a password gets its strength and one hint', async () => {
  const measured = async (password: string, typed = {}) => {
    const page = await onSignup({ password, ...typed })
    return [page.$('#password-hints meter').attr('value'), ...hintsAt(page, 'password')]
  }
  assert.equal(await measured(''), [undefined])
  assert.equal(await measured('abc'), ['1', 'Password must be at least 8 characters.'])
  assert.equal(await measured('password'), [
    '1',
    'This password is too common. Choose one that is harder to guess.',
  ])
  const annas = { username: 'Quisquilia', email: 'q@example.com' }
  assert.equal(await measured('quisquilia', annas), [
    '1',
    'Password must not be mostly your username, your email address or the name of this site.',
  ])
  assert.equal((await measured('Gatehouse2026'))[0], '1')
  assert.equal(
    (await measured('quisquilia19901990', annas))[1],
    'Weak: it includes part of your username, your email address or the name of this site.',
  )
  assert.equal(await measured('abababababab'), ['1', 'Weak: repetition does not make it stronger.'])
  assert.equal(await measured(PASSWORD), ['5', '✔ Strong: very hard to guess.'])
})

test('the strength is estimated in under 20 ms, from the first 32 characters only', async () => {
  const strong = await onSignup({ password: `${'x'.repeat(32)}kQ7#vTz!9mLp` })
  assert.equal(hintsAt(strong, 'password'), ['Weak: repetition does not make it stronger.'])
  // Passwords that cost the estimator most, with names that match everywhere.
  const own = ['1 11 111 1111 11111 111111 1111111', '12 121 1212 21 212 2121 12121', 'p4 p4s ss w0 0rd rd']
  for (const part of [
    'p4ssw0rd',
    '4s5w0rd',
    '4@8({[<36&#9!1|0$5+7%2',
    '1',
    '12',
    '123',
    '19901212',
    'p4ss11111',
  ]) {
    const took = leastOf(5, () => strengthOf(part.repeat(40), own))
    assert.ok(took < 20_000, `${part}: ${took} µs`)
  }
})

/** Returns the least CPU time of all runs, in microseconds, because other work on the machine only adds to it. */
function leastOf(times: number, work: () => void): number {
  const took = Array.from({ length: times }, () => {
    const before = process.cpuUsage()
    work()
    return process.cpuUsage(before).user
  })
  return Math.min(...took)
}

test('a domain that looks mistyped gets a hint, and is accepted', async () => {
  for (const [email, meant] of [
    ['anna@gmial.com', 'anna@gmail.com'],
    ['Anna@HOTMIAL.COM', 'Anna@hotmail.com'],
    ['anna@gmail.co', 'anna@gmail.com'],
    ['anna@gmx.dee', 'anna@gmx.de'],
  ] as const) {
    assert.equal(hintsAt(await onSignup({ email }), 'email'), [`Did you mean ${meant}?`])
  }
  for (const email of [
    'anna@gmail.com',
    'anna@mail.com',
    'anna@example.com',
    'anna@web.com',
    'gmial.com',
    '',
  ]) {
    assert.equal(hintsAt(await onSignup({ email }), 'email'), [], email)
  }
  const visitor = site.visitor()
  assert.equal((await visitor.signUp('Typist', { email: 'typist@gmial.com' })).status, 303)
})

test('hints never reveal whether an email address has an account', async () => {
  const known = await onSignup({ email: 'taken@example.com' })
  const unknown = await onSignup({ email: 'nobody@example.com' })
  assert.is(known.text, unknown.text)
})

for (const htmx of [false, true]) {
  test(`hints come with a refused form ${htmx ? 'by htmx' : 'without JavaScript'}`, async () => {
    const visitor = site.visitor({ htmx })
    const typed = { username: 'Taken', email: 'anna@gmial.com', password: PASSWORD, repassword: 'x' }
    const page = await visitor.send(await visitor.open('/signup/'), typed)
    assert.is(page.fieldError('username'), 'This username is already taken.')
    assert.equal(hintsAt(page, 'username'), ['Taken3 is available.'], 'the hint does not repeat the error')
    assert.equal(hintsAt(page, 'email'), ['Did you mean anna@gmail.com?'])
    assert.is(page.$('#password-hints meter').length, 0, 'an emptied password is not measured')
    assert.match(page.$('#username').attr('aria-describedby') ?? page.text, 'username-hints')
  })
}

const MEANT = { username: 'Typo', email: 'typo@gmial.com', password: PASSWORD, repassword: PASSWORD }

test('a changed or corrected email address gets a hint, too', async () => {
  const user = await site.visitor().settle('Mover')
  for (const path of ['/account/email/', '/email/confirm/address/']) {
    const page = await whileTyping(user, path, { email: 'mover@gmial.com' })
    assert.equal(hintsAt(page, 'email'), ['Did you mean mover@gmail.com?'], path)
    assert.equal(hintsAt(await whileTyping(user, path, { email: 'mover@example.org' }), 'email'), [], path)
  }
  await site.visitor().signUp('Mistyped', { email: 'mistyped@gmial.com' })
  const refused = await user.send(await user.open('/account/email/'), { email: 'mistyped@gmial.com' })
  assert.is(refused.fieldError('email'), 'There is already an account with this email address.')
  assert.equal(hintsAt(refused, 'email'), ['Did you mean mistyped@gmail.com?'])
})

test('the hint about an accepted address is on the next page, with a link', async () => {
  for (const EMAIL_CONFIRMATION of ['optional', 'required']) {
    const of = await Site.start({ environment: { EMAIL_CONFIRMATION } })
    const visitor = of.visitor()
    const landed = await arrive(visitor, await visitor.send(await visitor.open('/signup/'), MEANT))
    assert.match(landed.$('#messages').text(), /Did you mean typo@gmail\.com\?\s+Correct it/)
    const correction = await visitor.open(linkIn(landed, 'Correct it'))
    assert.is(correction.value('email'), 'typo@gmial.com')
    assert.equal(hintsAt(correction, 'email'), ['Did you mean typo@gmail.com?'])
    const again = await arrive(visitor, await visitor.send(correction, { email: 'typo@gmal.com' }))
    assert.match(again.$('#messages').text(), 'Did you mean typo@gmail.com?')
    const right = await arrive(visitor, await visitor.send(correction, { email: 'typo@gmail.com' }))
    assert.not.match(right.$('#messages').text(), 'Did you mean')
    await of.close()
  }
  const user = await site.visitor().settle('Changer')
  const sent = await user.send(await user.open('/account/email/'), { email: 'changer@gmial.com' })
  const landed = await arrive(user, sent)
  assert.match(landed.$('#messages').text(), 'Did you mean changer@gmail.com?')
  assert.is(linkIn(landed, 'Correct it'), '/account/email/#email')
})

test('a hint about an accepted address keeps htmx on the page until a click', async () => {
  const visitor = site.visitor({ htmx: true })
  const page = await visitor.send(await visitor.open('/signup/'), { ...MEANT, username: 'Typo Two' })
  assert.match(page.$('.success').text(), 'Did you mean typo@gmail.com?')
  assert.is(linkIn(page, 'Continue without logging in'), '/')
  assert.is(page.$('[data-hx-trigger^=load]').length, 0)
})

function arrive(visitor: Visitor, accepted: Page): Promise<Page> {
  assert.is(accepted.status, 303)
  return visitor.open(accepted.headers.location ?? '')
}

function linkIn(page: Page, text: string): string {
  return page.$(`a:contains("${text}")`).attr('href') ?? ''
}

test('the password hint takes the user’s own username and email address into account', async () => {
  const user = await site.visitor().settle('Renamer')
  const named = async (username: string) =>
    hintsAt(await whileTyping(user, '/account/name/', { username }), 'username')
  assert.equal(await named('Renamer'), [])
  assert.equal(await named('Renamer Two'), ['✔ This username is available.'])
  assert.equal((await named('Taken'))[0], 'This username is already taken.')
  const page = await whileTyping(user, '/account/password/', { password: 'renamer99' })
  assert.equal(hintsAt(page, 'password'), [
    'Password must not be mostly your username, your email address or the name of this site.',
  ])
})

test('a username that the visitor has just signed up with gets no hint', async () => {
  const visitor = site.visitor()
  await visitor.signUp('Newcomer')
  assert.equal(hintsAt(await whileTyping(visitor, '/signup/', { username: 'Newcomer' }), 'username'), [])
})

test('expired pages, logged-out users and busy networks get no hints', async () => {
  const old = await site.visitor().post('/signup/hints/', 'username=Taken', { 'HX-Request': 'true' })
  assert.is(old.status, 200)
  assert.equal([hintsAt(old, 'username'), old.messages()], [[], []])
  const stranger = site.visitor()
  const token = (await stranger.open('/login/')).value('_csrf') ?? ''
  const body = new URLSearchParams({ _csrf: token, username: 'Taken' })
  const out = await stranger.post('/account/name/hints/', body.toString(), { 'HX-Request': 'true' })
  assert.equal([hintsAt(out, 'username'), out.messages()], [[], []])

  const strict = await Site.start({ environment: { LIMIT_HINT_NETWORK: '2/10m' } })
  const counts = []
  for (const _ of [1, 2, 3])
    counts.push(hintsAt(await onSignup({ username: 'Anybody' }, strict), 'username').length)
  assert.equal(counts, [1, 1, 0])
  const refused = await strict.visitor().signUp('a!')
  assert.is(refused.status, 406, 'the form still works')
  await strict.close()
})

test('a request from another site is refused', async () => {
  const page = await site.visitor().post('/signup/hints/', '', { 'Sec-Fetch-Site': 'cross-site' })
  assert.is(page.status, 403)
})

test.run()
