import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { check, newPassword, repeated } from '../../src/accounts/fields.js'

const EMOJI = '😀'
const COMBINING_ACUTE = '\u0301'
const OWN = ['Anna Belle', 'anna@example.com']
const SITE = ['Gatehouse', 'accounts.example.org']

const passwords = suite('new password')

function codes(
  password: string,
  { minLength = 6, own = OWN }: { minLength?: number; own?: string[] } = {},
): string[] {
  return check(newPassword({ passwordMinLength: minLength, siteWords: SITE }, own), password).map(
    ({ code }) => code,
  )
}

for (const password of [
  ...[
    'k7#pqz',
    'correct horse 42',
    ' k7pq ',
    '      ',
    'пароль Игоря',
    '小明的秘密密',
    EMOJI.repeat(6),
    EMOJI.repeat(256),
  ],
  ...['x'.repeat(256), `${`e${COMBINING_ACUTE}`.repeat(256)}`, 'ᾂ'.normalize('NFD').repeat(256)],
]) {
  passwords(`may be ${shown(password)}`, () => assert.equal(codes(password), []))
}

const REFUSED: [why: string, password: string, code: string][] = [
  ['that is empty', '', 'password_missing'],
  ['of five characters', 'k7#pq', 'password_short'],
  ['of five characters that take ten UTF-16 units', EMOJI.repeat(5), 'password_short'],
  ['of five letters, each with an accent that composes', `e${COMBINING_ACUTE}`.repeat(5), 'password_short'],
  ['of 257 characters', 'x'.repeat(257), 'password_long'],
  ['of 257 characters that take 514 UTF-16 units', EMOJI.repeat(257), 'password_long'],
  ['that is long only once it is normalized', 'ﷺ'.repeat(20), 'password_long'],
  ['of 30,000 characters', 'x'.repeat(30_000), 'password_long'],
  ['that is far too long', 'ﷺ'.repeat(10_000), 'password_long'],
  ['that is the username', 'Anna Belle', 'password_own'],
  ['that is the username in other letters', 'ＡＮＮＡ belle', 'password_own'],
  ['that is the username with spaces around it', ' anna belle ', 'password_own'],
  ['that is the email address in capitals', 'ANNA@example.com', 'password_own'],
]

for (const [why, password, code] of REFUSED) {
  passwords(`${why} is refused`, () => assert.equal(codes(password), [code]))
}

const COMMON =
  `123456 password 12345678 qwerty 123456789 111111 1234567 dragon baseball football letmein monkey abc123
  mustang michael shadow master jennifer 123123 superman trustno1 iloveyou sunshine princess welcome charlie 696969
  qwertyuiop 654321 666666 1q2w3e4r qazwsx 121212 555555 aaaaaa abcdef 87654321 password1 starwars computer killer jordan hunter whatever 123321 tigger
  PASSWORD PassWord Sunshine LetMeIn ｐａｓｓｗｏｒｄ`.split(/\s+/)

for (const password of COMMON) {
  passwords(`${password} is refused as common`, () => assert.equal(codes(password), ['password_common']))
}

passwords('that is short and common gets both errors', () => {
  assert.equal(codes('12345'), ['password_short', 'password_common'])
})

passwords('that is common and the username gets both errors', () => {
  assert.equal(codes('Sunshine', { own: ['sunshine', ''] }), ['password_common', 'password_own'])
})

for (const password of [
  'gatehouse',
  'GateHouse2026',
  'my gatehouse pw',
  'ｇａｔｅｈｏｕｓｅ!',
  'accounts.example.org',
  'example.org1',
  'anna-belle-1',
  'belle+anna',
  'Anna Belle 1',
  'anna@example.com!',
  'exampleanna',
]) {
  passwords(`${password} is mostly username, email address or site name`, () => {
    assert.equal(codes(password, { minLength: 8 }), ['password_own'])
  })
}

for (const password of [
  'hannahs boat',
  'k7#pqz!x gatehouse',
  'there was a gatehouse in the meadow, and Anna Belle lived in it',
]) {
  passwords(`${password} only includes such a word, and is accepted`, () => {
    assert.equal(codes(password, { minLength: 8 }), [])
  })
}

passwords('that happens to include a short username is accepted', () => {
  for (const password of ['hosannas', 'bananna split']) {
    assert.equal(codes(password, { minLength: 8, own: ['Ann', 'a.b@c.dk'] }), [], password)
  }
})

passwords('treats a username as text, not as a pattern', () => {
  assert.equal(codes('k7#pqz wxy', { own: ['.*.*.*', '(((((', '[a-z]+@x.example'] }), [])
})

passwords('is not compared with an empty email address', () => {
  assert.equal(codes('k7#pqz', { own: ['', ''] }), [])
})

passwords('has at least as many characters as the site requires', () => {
  assert.equal(codes('k7#pqz and', { minLength: 15 }), ['password_short'])
  assert.equal(codes('k7#pqz and more', { minLength: 15 }), [])
})

passwords('that is short gets the site’s own minimum in its error', () => {
  const [short] = check(newPassword({ passwordMinLength: 15, siteWords: [] }, []), 'k7#pqz')
  assert.equal(short?.params, { min: 15 })
})

const repeats = suite('repeated password')

function repeatCodes(password: string, repassword: string): string[] {
  return check(repeated(password), repassword).map(({ code }) => code)
}

repeats('may be the password', () => assert.equal(repeatCodes('k7#pqz', 'k7#pqz'), []))

repeats('may be the same password in another Unicode form', () => {
  assert.equal(repeatCodes('café au lait', `cafe${COMBINING_ACUTE} au lait`), [])
})

repeats('that is empty is asked for', () => {
  assert.equal(repeatCodes('k7#pqz', ''), ['repassword_missing'])
  assert.equal(repeatCodes('', ''), ['repassword_missing'])
})

for (const [password, repassword] of [
  ['k7#pqz', 'K7#pqz'],
  ['k7#pqz', 'k7#pqz '],
  ['', 'k7#pqz'],
  ['josefa', 'joséfa'],
] as const) {
  repeats(`${shown(repassword)} does not repeat ${shown(password)}`, () => {
    assert.equal(repeatCodes(password, repassword), ['repassword_differs'])
  })
}

function shown(password: string): string {
  return JSON.stringify(password.length > 40 ? `${password.slice(0, 40)}…` : password)
}

for (const { run } of [passwords, repeats]) run()
