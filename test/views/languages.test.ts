import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MINUTE } from '../../src/base/durations.js'
import { loadLanguages } from '../../src/views/languages.js'
import { createTranslator } from '../../src/views/translator.js'
import { type Page, Site, until } from '../support/helpers.js'
import { folderWith, PSEUDO, pseudoFolder } from '../support/pseudo.js'

const test = suite('languages')
let site: Site

test.before(async () => {
  site = await Site.start({ development: true, templates: [pseudoFolder()] })
})
test.after(() => site.close())

const RUSSIAN = { 'Accept-Language': 'ru-RU,ru;q=0.9,en;q=0.5' }
const CYRILLIC = /[а-яё]/i

// ── pages and emails ─────────────────────────────────────────────────────────────────────────────────────────────────

/** Samples, names of browsers and systems, words that are the same in every language, and what Intl writes. */
const MADE_UP = [
  /https?:\S+|\/\S+\/|\S+@\S+|\bexample\.\w+/g,
  /\b(?:Gatehouse|Anna2?|Laptop|Buy bread|English|Firefox|Linux|Safari|iPhone|iCloud Keychain|1Password|UTC|JSON|JavaScript|Koa|htmx|HTML|POST|django|admin|editor)\b/g,
  /[\da-f]*(?::[\da-f]*){3,}|\b(?:one|two|three|four|five)\b/g,
  /Mozilla\/\S+[^·]*|\bFormer name\b|\b[WMx]{20,}[\w.@]*|\bmade-up\S*|\b[a-f0-9]{12}\b|\bru\b|\bgatehouse users disable\b|\bcli:users invite\b|\bNo such mailbox\b/g,
]
/** Pages that show names of states and templates or texts for developers, which are English. */
const FOR_DEVELOPERS =
  /^\/dev\/gallery\/(?:dev-(?:gallery|mailbox)|dev-mailbox-mail|problem\/500-development)/

function latinOn({ $ }: Page): string[] {
  for (const later of $('script[type="text/html"]').toArray()) $(later).replaceWith($(later).text())
  $('pre code, svg, style, input, [hreflang]').remove()
  const named = $('[aria-label], [title], [placeholder]')
    .toArray()
    .flatMap(({ attribs }) => [attribs['aria-label'], attribs.title, attribs.placeholder])
  // Emails set the dots of names apart, so that no mail program turns them into links.
  $('bdi span').replaceWith('.')
  $('body *').append(' ')
  const visible = [$('title').text(), $('body').text(), ...named].join(' ').replaceAll(/[\u2068\u2069]/g, ' ')
  const left = MADE_UP.reduce((text, known) => text.replaceAll(known, ' '), visible)
  return left.match(/[A-Za-z][a-z]+/g) ?? []
}

test('every text on pages and in emails comes from the language files', async () => {
  const index = await site.visitor().open('/dev/gallery/')
  const paths = index
    .$('main .rows a')
    .toArray()
    .map(({ attribs }) => attribs.href ?? '')
  const stray: string[] = []
  for (const path of paths.filter((path) => !FOR_DEVELOPERS.test(path))) {
    const page = await site.visitor().open(`${path}?lang=${PSEUDO}`)
    assert.is(page.status, 200, path)
    assert.is(page.$('html').attr('dir'), 'rtl', path)
    const words = latinOn(page)
    if (words.length > 0) stray.push(`${path}: ${words.join(' ')}`)
  }
  assert.equal(stray, [])
  assert.ok(paths.length > 200)
})

// ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const TRIES = 'attempts: {count}'
const FORMS = { one: '{count}', few: '{count}', many: '{count}', other: '{count}' }

for (const [what, languages, sentence] of [
  [
    'an unknown text',
    { ru: { texts: { 'Lgo in': 'x' } } },
    /"Lgo in" is not an English text\. Did you mean "Log in"\?/,
  ],
  ['an unknown code', { ru: { messages: { usrname_taken: 'x' } } }, /Did you mean "username_taken"\?/],
  [
    'a parameter that is none',
    { ru: { texts: { 'Log in': '{name}' } } },
    /"Log in" uses \{name\}, which the English does not have/,
  ],
  [
    'a missing plural form',
    { ru: { texts: { [TRIES]: { by: 'count', one: '1', other: '2', few: '3' } } } },
    /is missing the plural form "many"/,
  ],
  [
    'a form that is none',
    { ru: { texts: { [TRIES]: { by: 'count', ...FORMS, two: '2' } } } },
    /has the plural form "two"/,
  ],
  [
    'a form by nothing',
    { ru: { texts: { [TRIES]: { by: 'tries', ...FORMS } } } },
    /chooses plurals by \{tries\}, which the English does not have/,
  ],
  ['a language without a name', { eo: { texts: {} } }, /eo\.json must have the "name"/],
  ['a name that is no language', { RU: { name: 'x' } }, /must be named after a language/],
  ['something else', { ru: { sentences: {} } }, /ru\.json is not a language file/],
  [
    'a text that is none',
    { ru: { texts: { 'Log in': 5 } } },
    /ru\.json is .+: texts has no text for "Log in"/,
  ],
  ['a plural by nothing', { ru: { messages: { a: { other: 'x' } } } }, /: messages has no text for "a"/],
  [
    'a plural of numbers',
    { ru: { messages: { a: { by: 'count', other: 5 } } } },
    /: messages has no text for "a"/,
  ],
  ['a list of texts', { ru: { texts: ['Log in'] } }, /: texts is not an object/],
] as const) {
  test(`a file with ${what} is an error at start`, () => {
    assert.throws(() => loadLanguages([folderWith(languages)]), sentence)
  })
}

test('the host app’s files add a language and change texts of Gatehouse', async () => {
  const templates = folderWith({
    eo: { name: 'Esperanto', texts: { 'Log in': 'Ensaluti' }, messages: { login_user_unknown: 'Neniu.' } },
    ru: { texts: { 'Log in': 'Вход' } },
    en: { texts: { 'Log in': 'Sign in' } },
  })
  const own = await Site.start({ templates: [templates] })
  const title = async (language: string) =>
    (await own.visitor().open('/login/', { 'Accept-Language': language })).$('h1').text()
  assert.is(await title('eo-001'), 'Ensaluti')
  assert.is(await title('ru'), 'Вход')
  assert.is(await title('cy'), 'Sign in')
  const page = await own.visitor().open('/login/', { 'Accept-Language': 'eo' })
  const offered = page
    .$('footer nav a')
    .toArray()
    .map(({ attribs }) => attribs.hreflang)
  assert.is(offered[0], 'en')
  assert.ok(offered.includes('eo') && offered.includes('ru'))
  assert.is(page.$('label[for="password"]').text(), 'Password', 'a missing text is English')
  await own.close()
})

test('plural forms follow the numbers', () => {
  const russian = loadLanguages().get('ru')
  const words = createTranslator(russian)
  const minutes = (count: number) =>
    words.sentence({
      code: 'too_many_attempts',
      sentence: '',
      params: { when: { milliseconds: count * 60_000 } },
    })
  assert.match(minutes(1), 'через 1 минуту.')
  assert.match(minutes(2), 'через 2 минуты.')
  assert.match(minutes(5), 'через 5 минут.')
  assert.match(minutes(21), 'через 21 минуту.')
  const tries = (count: number) => words.text(TRIES, { count })
  assert.equal([1, 3, 11, 22].map(tries), ['1 попытка', '3 попытки', '11 попыток', '22 попытки'])
})

for (const [tag, day, length, wait] of [
  ['de', '5. März 2026', '14 Tage', 'in 4 Minuten'],
  ['fr', '5 mars 2026', '14 jours', 'dans 4 minutes'],
  ['es', '5 de marzo de 2026', '14 días', 'dentro de 4 minutos'],
] as const) {
  test(`${tag}: dates, times and plural forms are written by Intl`, () => {
    const { times, text } = createTranslator(loadLanguages().get(tag))
    assert.is(times.day(new Date('2026-03-05T12:00:00Z')), day)
    assert.is(times.lasting(14 * 24 * 60 * MINUTE).replaceAll(/\s/g, ' '), length)
    assert.is(times.until(4 * MINUTE), wait)
    const [one, many] = [1, 3].map((count) => text(TRIES, { count }))
    assert.is.not(one?.replace('1', ''), many?.replace('3', ''))
  })
}

// ── choice of the language ───────────────────────────────────────────────────────────────────────────────────────────

for (const [asked, language] of [
  ['ru-RU,ru;q=0.9,en;q=0.5', 'ru'],
  ['eo,ru;q=0.5', 'ru'],
  ['de-AT,en;q=0.5', 'de'],
  ['fr-CA,fr;q=0.9,en;q=0.5', 'fr'],
  ['eo, es-MX;q=0.8, fr;q=0.2', 'es'],
  ['en;q=0.2, ru;q=0.1', 'en'],
  ['ru;q=0', 'en'],
  ['cy', 'en'],
  ['*', 'en'],
  [',;=,ru-', 'en'],
] as const) {
  test(`a browser that asks for ${asked} gets ${language}`, async () => {
    const page = await site.visitor().open('/login/', { 'Accept-Language': asked })
    assert.is(page.$('html').attr('lang'), language)
    assert.is(page.headers['content-language'], language)
    assert.match(page.headers.vary ?? '', /^HX-Request, Accept-Language, Cookie\b/)
    assert.not.match(page.cookies.join(), 'language')
  })
}

function linkTo(page: Page, tag: string): string {
  return page.$(`footer a[hreflang="${tag}"]`).attr('href') ?? ''
}

test('the switch sets its own cookie, stays on the page and takes precedence over the browser', async () => {
  const visitor = site.visitor()
  const page = await visitor.open('/login/?next=%2Faccount%2F')
  assert.is(page.$('footer a[aria-current="true"]').attr('lang'), 'en')
  assert.is(linkTo(page, 'ru'), '?next=%2Faccount%2F&lang=ru')
  const gone = await visitor.open(`/login/${linkTo(page, 'ru')}`)
  assert.is(gone.status, 303)
  assert.is(gone.headers.location, '/login/?next=%2Faccount%2F')
  const [cookie = ''] = gone.cookies
  assert.match(cookie, /^gatehouse-language=ru; path=\/; expires=.*; samesite=lax; httponly$/i)
  const russian = await visitor.open('/login/?next=%2Faccount%2F', { 'Accept-Language': 'en' })
  assert.is(russian.$('h1').text(), 'Войти')
  assert.is(russian.value('next'), '/account/')
  assert.is(russian.$('footer a[aria-current="true"]').text(), 'Русский')
  assert.is((await visitor.open('/login/?lang=xx')).status, 200)
})

test('a link with a language keeps it, also with htmx and before the login', async () => {
  const visitor = site.visitor()
  const htmx = await visitor.open('/login/?lang=ru', { 'HX-Request': 'true' })
  assert.is(htmx.headers['hx-redirect'], '/login/?lang=ru')
  const guarded = await visitor.open('/account/?lang=ru')
  assert.is(guarded.status, 303)
  assert.match((await visitor.open('/login/')).$('h1').text(), CYRILLIC)
})

test('a link with a language never leaves the site', async () => {
  for (const path of [
    '/nowhere//evil.example/?lang=ru',
    '/%2f%2fevil.example/?lang=ru',
    '/login/?lang=ru&x=//y',
  ]) {
    const { location = '/' } = (await site.visitor().open(path)).headers
    assert.match(location, /^\/(?!\/)/)
  }
})

for (const htmx of [false, true]) {
  test(`${htmx ? 'htmx' : 'a plain browser'} gets a refused form in its language`, async () => {
    const visitor = site.visitor({ htmx })
    const form = await visitor.open('/signup/', RUSSIAN)
    const fields = new URLSearchParams(form.$('main form').first().serialize())
    fields.set('username', 'a')
    const response = await visitor.post('/signup/verify/', fields.toString(), RUSSIAN)
    assert.is(response.status, 406)
    assert.is(response.headers['content-language'], 'ru')
    assert.match(response.messages().join('\n'), 'Имя пользователя: от 3 до 25 символов.')
    assert.is(response.fieldError('username'), 'Имя пользователя: от 3 до 25 символов.')
    if (!htmx) assert.is(linkTo(response, 'en'), '/signup/?lang=en')
  })
}

test('on a URL that only accepts forms, the switch leads to the form’s page', async () => {
  assert.is(linkTo(await site.visitor().open('/login/verify/'), 'ru'), '/login/?lang=ru')
})

// ── emails ───────────────────────────────────────────────────────────────────────────────────────────────────────────

test('emails use the request’s language, security emails the account’s language', async () => {
  const visitor = site.visitor()
  await visitor.open('/login/?lang=ru')
  await visitor.settle('Рита')
  const [stored] = await site.rows<{ email: string; language: string }>(
    "select email, language from users where name = 'Рита'",
  )
  const email = stored?.email ?? ''
  assert.is(stored?.language, 'ru')
  assert.is((await site.mail(email)).subject, 'Подтвердите адрес электронной почты для Gatehouse')

  await site.emptyMailbox()
  await site.visitor().logIn('Рита')
  const notice = await site.mail(email)
  assert.is(
    notice.subject,
    'Новый вход в ваш аккаунт на сайте Gatehouse',
    'although the login was in English',
  )
  assert.match(notice.text, /Время: \d+ \S+ 2026 г\./)

  await site.emptyMailbox()
  const forgetful = site.visitor()
  await forgetful.send(await forgetful.open('/password/forgot/'), { username: 'Рита' })
  assert.is((await site.mail(email)).subject, 'Reset your Gatehouse password')
})

test('switching while logged in changes the language of later emails', async () => {
  const visitor = await site.visitor().settle('Switcher')
  await visitor.open('/account/?lang=ru')
  const stored = () => site.rows("select 1 from users where name = 'Switcher' and language = 'ru'")
  await until(async () => (await stored()).length > 0, 'the language is stored')
  await site.emptyMailbox()
  await visitor.send(await visitor.open('/account/name/'), { username: 'Switched' })
  assert.match((await site.mail('Switcher@example.com')).subject, 'Ваше имя пользователя')
})

// ── host apps ────────────────────────────────────────────────────────────────────────────────────────────────────────

test('if a host app sets the language, there is no switch and no parameter', async () => {
  for (const language of ['ru', () => 'ru']) {
    const own = await Site.start({ language })
    const page = await own.visitor().open('/login/?lang=en')
    assert.is(page.status, 200)
    assert.is(page.$('html').attr('lang'), 'ru')
    assert.is(page.$('footer a[hreflang]').length, 0)
    assert.is(page.cookies.filter((cookie) => cookie.includes('language')).length, 0)
    await own.close()
  }
})

test('a host app offers only some languages, and replaces messages in all or one', async () => {
  const messages = { login_user_unknown: 'Nobody.', login_password_missing: { ru: 'Пароль!' } }
  const own = await Site.start({ messages, environment: { LANGUAGES: 'ru, en' } })
  const page = await own.visitor().open('/login/', { 'Accept-Language': 'fr' })
  assert.is(page.$('html').attr('lang'), 'ru')
  const said = async (typed: Record<string, string>, language: string) => {
    const visitor = own.visitor()
    await visitor.open(`/login/?lang=${language}`)
    return (await visitor.logIn('nobody', typed)).messages().join()
  }
  assert.match(await said({}, 'ru'), 'Nobody.')
  assert.match(await said({ password: '' }, 'ru'), 'Пароль!')
  assert.match(await said({ password: '' }, 'en'), 'Enter your password.')
  await own.close()
})

test('an unknown language is an error at start', async () => {
  try {
    await Site.start({ languages: ['en', 'xx'] })
    assert.unreachable()
  } catch (error) {
    assert.match(String(error), /Unknown language xx\. Languages: (?:.+, )?en, (?:.+, )?ru\b/)
  }
})

test('a link from another site changes the language of that page only', async () => {
  const visitor = await site.visitor().settle('Led')
  const before = await site.rows("select language from users where name = 'Led'")
  const host = new URL(site.address).host
  const foreign: Record<string, string>[] = [
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site' },
    { Referer: 'https://evil.example/' },
    { Referer: `http://${host}.evil.example/` },
  ]
  for (const headers of foreign) {
    const page = await visitor.open('/account/?lang=ru', headers)
    assert.is(page.status, 200, JSON.stringify(headers))
    assert.is(page.$('html').attr('lang'), 'ru')
    assert.not.match(page.cookies.join(), 'language')
    assert.is((await visitor.open('/account/')).$('html').attr('lang'), 'en')
  }
  assert.equal(await site.rows("select language from users where name = 'Led'"), before)

  const own = await visitor.open('/account/?lang=ru', { Referer: `${site.address}/account/` })
  assert.is(own.status, 303)
  assert.is((await visitor.open('/account/')).$('html').attr('lang'), 'ru')
})

test.run()
