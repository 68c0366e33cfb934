import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { localPath, ownPath } from '../../src/web/local-path.js'

const SITE = 'http://site.example'
const HIGH_SURROGATE = '\ud83d'

const TRICKS: readonly unknown[] = [
  '',
  ' ',
  'evil.example',
  'members/',
  '../members/',
  '?a=b',
  '#a',
  '@evil.example',
  ' /members/',
  '\t/members/',
  '//evil.example',
  '///evil.example',
  '//user:password@evil.example',
  '//[::1]/',
  '//evil。example',
  '/\\evil.example',
  '\\/evil.example',
  '\\\\evil.example',
  '/\\\\evil.example',
  '/a\\b',
  '/a/\\evil.example',
  '/a//b',
  '/%2f%2fevil.example',
  '/%2F%2Fevil.example',
  '/%2fevil.example',
  '//%2fevil.example',
  '/%5cevil.example',
  '/%5Cevil.example',
  '/%5c%5cevil.example',
  '/%252f%252fevil.example',
  '/%255cevil.example',
  '/%25255cevil.example',
  '/%25252525252525252fevil.example',
  '/a%5cb',
  '/\t/evil.example',
  '/\n/evil.example',
  '/\r/evil.example',
  '/\r\n/evil.example',
  '/\t\\evil.example',
  '/a\tb',
  '/a\nb',
  '/a\r\nSet-Cookie: a=b',
  '/a\0b',
  '/a\x7fb',
  '/a\x85b',
  '/%09/evil.example',
  '/%0a/evil.example',
  '/%0d%0aSet-Cookie:%20a=b',
  '/a?b=%0d%0aSet-Cookie:%20a=b',
  '/%00',
  '/%2509/evil.example',
  '/%c2%85',
  '/..//evil.example',
  '/.//evil.example',
  '/../..//evil.example',
  '/.%2e//evil.example',
  '/.%2e//',
  '/%2e%2e//evil.example',
  '/%2e%2e/%2fevil.example',
  '/a/..//evil.example',
  '/./\\evil.example',
  '/%c0%af%c0%afevil.example',
  '/%',
  '/%2',
  'https:evil.example',
  'https:/evil.example',
  'https://evil.example',
  'http://site.example/members/',
  'HTTPS://EVIL.EXAMPLE',
  'javascript:alert(1)',
  'javascript://%0aalert(1)',
  'data:text/html,a',
  `/${'a'.repeat(2048)}`,
  `/?${'a'.repeat(20_000)}`,
  `/${'小'.repeat(2000)}`,
  undefined,
  null,
  true,
  0,
  [],
  ['/members/'],
  ['/members/', '//evil.example'],
  {},
  { toString: () => '/members/' },
]

const NO_DESTINATIONS = [
  '/logout',
  '/logout/',
  '/logout/?a',
  '/logout/#a',
  '/logout?next=/members/',
  '/members/logout/?a',
  '/%6cogout/',
  '/%6Cogout',
  '/a/../logout/',
  '/a/%2e%2e/logout/',
  '/logout/.',
  '/verify/',
  '/signup/verify',
  '/login/verify/',
  '/login/verify/?a=b',
  '/x/verify/',
  '/x/veri%66y/',
  '/members/account/password/verify/',
]

const PLACES = [
  '/',
  '/members/',
  '/members/?page=2',
  '/members/?page=2&order=name%20up',
  '/search/?q=100%25',
  '/search/?q=a%2Bb',
  '/?next=//evil.example',
  '/?next=https://evil.example/',
  '/?next=%2Flogout%2F',
  '/users/slava/',
  '/users/%E5%B0%8F%E6%98%8E/',
  '/logout-all/',
  '/verify/it/',
  '/a.b/c-d/e_f/~g',
  '/user@host/',
  '/a:b/',
]

/** Paths that look odd, but keep every browser on the site. */
const HARMLESS = {
  '/members/#top': '/members/',
  '/members/#//evil.example': '/members/',
  '/@evil.example': '/@evil.example',
  '/a/../members/': '/members/',
  '/..': '/',
  '/.': '/',
  '/a b': '/a%20b',
  '/小明/': '/%E5%B0%8F%E6%98%8E/',
  '/／evil.example': '/%EF%BC%8Fevil.example',
  '/⁄evil.example': '/%E2%81%84evil.example',
  '/＼evil.example': '/%EF%BC%BCevil.example',
  '/\u2028': '/%E2%80%A8',
  [`/${HIGH_SURROGATE}`]: '/%EF%BF%BD',
}

const test = suite('localPath')

for (const trick of TRICKS) {
  test(`refuses ${shown(trick)}`, () => {
    assert.ok(localPath(trick) === undefined)
    assert.ok(ownPath(trick) === undefined)
  })
}

for (const path of NO_DESTINATIONS) {
  test(`refuses ${path} as a destination, although it is on the site`, () => {
    assert.is(localPath(path), undefined)
    assert.type(ownPath(path), 'string')
  })
}

for (const path of PLACES) {
  test(`accepts ${path}`, () => assert.is(localPath(path), path))
}

for (const [path, place] of Object.entries(HARMLESS)) {
  test(`reads ${shown(path)} as ${place}`, () => assert.is(localPath(path), place))
}

test('stays on the site for any input', () => {
  const answers = oddPaths(20_000).map(localPath)
  const places = answers.filter((answer) => answer !== undefined)
  assert.ok(places.length > 500, `only ${places.length} strings were accepted`)
  for (const place of places) assert.is(exitOf(place), undefined, shown(place))
})

test('returns its own results unchanged', () => {
  for (const place of oddPaths(20_000).map(localPath)) {
    if (place !== undefined) assert.is(localPath(place), place)
  }
})

test('ownPath never throws, whatever follows a percent sign', () => {
  for (const path of oddPaths(5000)) assert.not.throws(() => ownPath(path.replaceAll('/', '%')))
})

/** Returns how a path leaves the site, or undefined. */
function exitOf(place: string): string | undefined {
  if (!place.startsWith('/') || place.startsWith('//')) return 'not one slash at the start'
  if (/[\\\p{Cc}]/u.test(place.split('?', 1)[0] ?? '')) return 'backslash or control character'
  if (!/^[\x21-\x7e]+$/.test(place)) return 'not fit for a header'
  const url = new URL(place, SITE)
  if (url.origin !== SITE || url.pathname.startsWith('//')) return `leads to ${url.href}`
  return /\/(?:logout|verify)\/?$/.test(url.pathname) ? 'ends a session or takes only POST' : undefined
}

const ALPHABET = [
  ...['/', '/', '\\', '.', '..', '%2f', '%5C', '%2e', '%25', '%', '%0a', '\t', '\n', '\r', '\0', ' '],
  ...[
    '@',
    ':',
    '?',
    '#',
    '&',
    ';',
    '//',
    '/\\',
    'a',
    'evil.example',
    'https:',
    'logout',
    'verify',
    'logout/',
  ],
  ...['／', '。', '\u2028', '\u200b', '\u202e', 'é', '😀', HIGH_SURROGATE, '%c3%a9', '%ff', '%00', '+'],
]

/** Returns strings that begin with a slash, the same in every run. */
function oddPaths(count: number): string[] {
  const random = seeded(42)
  const pick = () => ALPHABET[Math.floor(random() * ALPHABET.length)] ?? ''
  const tail = () => Array.from({ length: Math.floor(random() * 7) }, pick).join('')
  return Array.from({ length: count }, () => `/${tail()}`)
}

/** Mulberry32. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 60)
}

test.run()
