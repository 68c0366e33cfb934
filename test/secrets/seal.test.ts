import { randomBytes } from 'node:crypto'
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createSeal, remembering, type SealKey } from '../../src/secrets/seal.js'

const TEXT = '{"gatehouse":{"login":"token","csrf":"secret"}}'
const CONTEXT = 'gatehouse'
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

const key = newKey()
const seal = createSeal([key])

const test = suite('seal')

function newKey(): SealKey {
  return { id: randomBytes(4), secret: randomBytes(32) }
}

for (const [what, text] of Object.entries({
  'a session': TEXT,
  'an empty text': '',
  'one byte': 'a',
  'text of every plane': 'é 小 😀 \0 \u2028',
  '10,000 characters': 'x'.repeat(10_000),
})) {
  test(`opens ${what} that it has sealed`, () =>
    assert.is(seal.open(seal.close(text, CONTEXT), CONTEXT), text))
}

test('never seals the same text to the same', () => {
  const sealed = Array.from({ length: 1000 }, () => seal.close(TEXT, CONTEXT))
  assert.is(new Set(sealed).size, 1000)
})

test('uses letters that need no escape in a cookie, and hides the text', () => {
  const sealed = seal.close(TEXT, CONTEXT)
  assert.match(sealed, /^[A-Za-z0-9_-]+$/)
  assert.not.match(Buffer.from(sealed, 'base64url').toString('latin1'), 'token')
})

test('is XChaCha20-Poly1305: an independent implementation opens what it seals', () => {
  const bytes = Buffer.from(seal.close(TEXT, CONTEXT), 'base64url')
  assert.ok(bytes.subarray(0, 4).equals(key.id))
  const cipher = xchacha20poly1305(key.secret, bytes.subarray(4, 28), Buffer.from(CONTEXT))
  assert.is(Buffer.from(cipher.decrypt(bytes.subarray(28))).toString(), TEXT)
})

test('is XChaCha20-Poly1305: it opens what an independent implementation seals', () => {
  const nonce = randomBytes(24)
  const sealed = xchacha20poly1305(key.secret, nonce, Buffer.from(CONTEXT)).encrypt(Buffer.from(TEXT))
  assert.is(seal.open(Buffer.concat([key.id, nonce, sealed]).toString('base64url'), CONTEXT), TEXT)
})

// draft-irtf-cfrg-xchacha-03, appendix A.3.1. Its associated data are no text, so the implementation that ours agrees
// with stands in for ours.
test('agrees with an implementation that passes the test vector of the draft', () => {
  const count = (from: number, length: number) => Uint8Array.from({ length }, (_, index) => from + index)
  const data = Buffer.from('50515253c0c1c2c3c4c5c6c7', 'hex')
  const text =
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."
  const sealed = xchacha20poly1305(count(0x80, 32), count(0x40, 24), data).encrypt(Buffer.from(text))
  assert.is(
    Buffer.from(sealed).toString('hex'),
    'bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216' +
      'cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13' +
      'b52ec0875924c1c7987947deafd8780acf49',
  )
})

test('opens nothing of which a single bit was changed', () => {
  const bytes = Buffer.from(seal.close(TEXT, CONTEXT), 'base64url')
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Buffer.from(bytes)
    changed[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    assert.is(seal.open(changed.toString('base64url'), CONTEXT), undefined, `bit ${bit}`)
  }
})

test('opens nothing of which a single character was changed, not even the unused bits of the last one', () => {
  for (const text of ['a', 'ab', 'abc']) {
    const sealed = seal.close(text, CONTEXT)
    for (let at = 0; at < sealed.length; at++) {
      for (const character of `${BASE64URL}+/=.% \0é`) {
        if (character === sealed[at]) continue
        const changed = sealed.slice(0, at) + character + sealed.slice(at + 1)
        assert.is(seal.open(changed, CONTEXT), undefined, `${character} at ${at}`)
      }
    }
  }
})

test('opens nothing that was cut, at either end', () => {
  const sealed = seal.close(TEXT, CONTEXT)
  for (let length = 0; length < sealed.length; length++) {
    assert.is(seal.open(sealed.slice(0, length), CONTEXT), undefined)
    assert.is(seal.open(sealed.slice(sealed.length - length), CONTEXT), undefined)
  }
})

for (const [what, changed] of Object.entries({
  padding: (sealed: string) => `${sealed}=`,
  'a letter at the end': (sealed: string) => `${sealed}A`,
  'a letter in front': (sealed: string) => `A${sealed}`,
  'a space at the end': (sealed: string) => `${sealed} `,
  'a line break in the middle': (sealed: string) => `${sealed.slice(0, 9)}\n${sealed.slice(9)}`,
  'itself again': (sealed: string) => sealed + sealed,
})) {
  test(`opens nothing with ${what} added`, () => {
    for (const text of ['a', 'ab', 'abc']) {
      assert.is(seal.open(changed(seal.close(text, CONTEXT)), CONTEXT), undefined)
    }
  })
}

for (const [what, text] of Object.entries({
  'an empty text': '',
  'one letter': 'A',
  '20,000 letters': 'A'.repeat(20_000),
  '20,000 letters that begin with our key': key.id.toString('base64url').slice(0, 5) + 'A'.repeat(20_000),
  'text that is no base64url': '\0\ud83d <script> é 小',
  'standard base64': randomBytes(99).toString('base64'),
  'zeros as long as a sealed empty text': 'A'.repeat(59),
  'our key and nothing else': Buffer.concat([key.id, Buffer.alloc(40)]).toString('base64url'),
})) {
  test(`answers undefined for ${what}`, () => assert.is(seal.open(text, CONTEXT), undefined))
}

test('opens nothing that was sealed for something else', () => {
  const sealed = seal.close(TEXT, CONTEXT)
  for (const other of ['', 'Gatehouse', 'gatehouse ', '__Host-gatehouse']) {
    assert.is(seal.open(sealed, other), undefined)
  }
})

test('opens nothing that a foreign key sealed, though it goes by the same name', () => {
  assert.is(seal.open(createSeal([newKey()]).close(TEXT, CONTEXT), CONTEXT), undefined)
  const impostor = createSeal([{ id: key.id, secret: randomBytes(32) }])
  assert.is(seal.open(impostor.close(TEXT, CONTEXT), CONTEXT), undefined)
})

test('opens with every key of the ring and seals with the newest', () => {
  const [newest, old, older] = [newKey(), newKey(), newKey()]
  const ring = createSeal([newest, old, older])
  for (const each of [newest, old, older]) {
    assert.is(ring.open(createSeal([each]).close(TEXT, CONTEXT), CONTEXT), TEXT)
  }
  const sealed = ring.close(TEXT, CONTEXT)
  assert.is(createSeal([newest]).open(sealed, CONTEXT), TEXT)
  assert.is(createSeal([old, older]).open(sealed, CONTEXT), undefined)
})

test('what was opened before opens again, for the same purpose alone, and nothing that differs in a character', () => {
  const memory = remembering(seal)
  const sealed = memory.close(TEXT, CONTEXT)
  for (const _ of [1, 2]) {
    assert.is(memory.open(sealed, CONTEXT), TEXT)
    assert.is(memory.open(sealed, 'something else'), undefined)
    assert.is(memory.open(`${sealed}A`, CONTEXT), undefined)
    assert.is(memory.open(sealed.slice(0, -1), CONTEXT), undefined)
  }
})

test('what was opened long ago opens still', () => {
  const memory = remembering(seal)
  const texts = Array.from({ length: 1_100 }, (_, index) => `${index}`)
  const sealed = texts.map((text) => memory.close(text, CONTEXT))
  for (const _ of [1, 2]) {
    assert.equal(
      sealed.map((one) => memory.open(one, CONTEXT)),
      texts,
    )
  }
})

test('says that it needs a key', () => {
  assert.throws(() => createSeal([]), /at least one key/)
})

test.run()
