import * as cheerio from 'cheerio'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { peopleAt } from '../../src/dev/samples.js'
import { Site } from '../support/helpers.js'

const test = suite('translation by browsers')

let site: Site
test.before(async () => {
  site = await Site.start({ development: true })
})
test.after(() => site.close())

const DEVICES = ['Firefox', 'Linux', 'Safari', 'iPhone', 'Mozilla/5.0', '192.0.2.1', '2001:db8:']
const OTHERS = [
  'former-name',
  'Former name',
  '123456',
  'Anna2',
  'anna@gmail.com',
  'anna@example.org',
  'made-up-',
]

/** Texts on the pages of the gallery that people chose or programs made. */
const DATA = [
  ...Object.values(peopleAt(0)).flatMap(({ user, nextEmail, deviceName, words }) => [
    ...[user.name, user.email, nextEmail, deviceName, words],
  ]),
  ...DEVICES,
  ...OTHERS,
]

/** Returns what a browser would translate: text outside of translate=no, and attributes that people read. */
function translatable(html: string): string {
  const $ = cheerio.load(html)
  $('[translate=no], script, style').remove()
  const attributes = $('[title], [aria-label], [alt], [placeholder]')
    .toArray()
    .flatMap(({ attribs }) => [attribs.title, attribs['aria-label'], attribs.alt, attribs.placeholder])
  return [$.root().text(), ...attributes].join('\n')
}

function holds(text: string, datum: string): boolean {
  return /^\w+$/.test(datum) ? new RegExp(`\\b${datum}\\b`).test(text) : text.includes(datum)
}

test('does not touch names, addresses, codes and devices on any page or email', async () => {
  const visitor = site.visitor()
  const index = await visitor.open('/dev/gallery/')
  const paths = index
    .$('main .rows a')
    .toArray()
    .map(({ attribs }) => attribs.href ?? '')
    // The same pages with other people's data.
    .filter((path) => !/\/(?:long|right-to-left)/.test(path) && !path.endsWith('text/'))
  assert.ok(paths.length > 100, `${paths.length} pages`)
  const found: string[] = []
  let marked = 0
  for (const path of paths) {
    const { text, $ } = await visitor.open(path)
    const body = translatable(text)
    found.push(...DATA.filter((datum) => holds(body, datum)).map((datum) => `${path}: ${datum}`))
    marked += $('[translate=no]').length
  }
  assert.equal(found, [])
  assert.ok(marked > 300, `${marked} pieces of data`)
})

test('does not touch a username on the pages of a real account', async () => {
  const visitor = site.visitor()
  const settled = await visitor.signUp('Zebedee', { email: 'zebedee@example.com' })
  assert.not.match(translatable(settled.text), 'Zebedee')
  await visitor.logIn('Zebedee')
  for (const path of [
    '/',
    '/account/',
    '/account/email/',
    '/account/devices/',
    '/account/export/',
    '/account/activity/',
  ]) {
    const page = await visitor.open(path)
    assert.match(page.text, 'Zebedee', path)
    assert.not.match(translatable(page.text), /Zebedee|zebedee@/, path)
  }
  const page = await site.visitor().open('/users/zebedee/')
  assert.not.match(translatable(page.text), 'Zebedee', 'the title has no username, either')
})

test('data is escaped, whatever it contains', async () => {
  const visitor = site.visitor()
  const page = await visitor.send(await visitor.open('/signup/'), {
    username: 'Yann',
    email: "a&b'c@example.com",
    password: 'correct horse 42',
    repassword: 'correct horse 42',
  })
  await visitor.logIn('Yann')
  assert.is(page.status, 303)
  const { $, text } = await visitor.open('/account/')
  assert.is($('dd bdi').eq(1).text(), "a&b'c@example.com")
  assert.match(text, 'a&amp;b&#39;c@example.com')
})

test.run()
