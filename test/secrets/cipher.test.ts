import { randomBytes } from 'node:crypto'
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type CipherKey, caching, createCipher } from '../../src/secrets/cipher.js'

const TEXT = '{"gatehouse":{"login":"token","csrf":"secret"}}'
const CONTEXT = 'gatehouse'
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

const key = newKey()
const cipher = createCipher([key])

const test = suite('cipher')

function newKey(): CipherKey {
  return { id: randomBytes(4), secret: randomBytes(32) }
}

for (const [what, text] of Object.entries({
  'a session': TEXT,
  'an empty text': '',
  'one byte': 'a',
  'text of every plane': 'é 小 😀 \0 \u2028',
  '10,000 characters': 'x'.repeat(10_000),
})) {
  test(`decrypts what it has encrypted: ${what}`, () =>
    assert.is(cipher.decrypt(cipher.encrypt(text, CONTEXT), CONTEXT), text))
}

test('encrypts the same text differently each time', () => {
  const encrypted = Array.from({ length: 1000 }, () => cipher.encrypt(TEXT, CONTEXT))
  assert.is(new Set(encrypted).size, 1000)
})

test('the result hides the text and needs no escape in a cookie', () => {
  const encrypted = cipher.encrypt(TEXT, CONTEXT)
  assert.match(encrypted, /^[A-Za-z0-9_-]+$/)
  assert.not.match(Buffer.from(encrypted, 'base64url').toString('latin1'), 'token')
})

test('is XChaCha20-Poly1305: an independent implementation decrypts what it encrypts', () => {
  const bytes = Buffer.from(cipher.encrypt(TEXT, CONTEXT), 'base64url')
  assert.ok(bytes.subarray(0, 4).equals(key.id))
  const independent = xchacha20poly1305(key.secret, bytes.subarray(4, 28), Buffer.from(CONTEXT))
  assert.is(Buffer.from(independent.decrypt(bytes.subarray(28))).toString(), TEXT)
})

test('is XChaCha20-Poly1305: it decrypts what an independent implementation encrypts', () => {
  const nonce = randomBytes(24)
  const encrypted = xchacha20poly1305(key.secret, nonce, Buffer.from(CONTEXT)).encrypt(Buffer.from(TEXT))
  assert.is(cipher.decrypt(Buffer.concat([key.id, nonce, encrypted]).toString('base64url'), CONTEXT), TEXT)
})

// draft-irtf-cfrg-xchacha-03, appendix A.3.1. Its associated data are not text, so the independent implementation
// runs this test instead.
test('the independent implementation passes the draft’s test vector', () => {
  const count = (from: number, length: number) => Uint8Array.from({ length }, (_, index) => from + index)
  const data = Buffer.from('50515253c0c1c2c3c4c5c6c7', 'hex')
  const text =
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."
  const encrypted = xchacha20poly1305(count(0x80, 32), count(0x40, 24), data).encrypt(Buffer.from(text))
  assert.is(
    Buffer.from(encrypted).toString('hex'),
    'bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216' +
      'cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13' +
      'b52ec0875924c1c7987947deafd8780acf49',
  )
})

test('decrypts nothing after one bit has changed', () => {
  const bytes = Buffer.from(cipher.encrypt(TEXT, CONTEXT), 'base64url')
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Buffer.from(bytes)
    changed[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    assert.is(cipher.decrypt(changed.toString('base64url'), CONTEXT), undefined, `bit ${bit}`)
  }
})

test('decrypts nothing after one character has changed, even in unused bits', () => {
  for (const text of ['a', 'ab', 'abc']) {
    const encrypted = cipher.encrypt(text, CONTEXT)
    for (let at = 0; at < encrypted.length; at++) {
      for (const character of `${BASE64URL}+/=.% \0é`) {
        if (character === encrypted[at]) continue
        const changed = encrypted.slice(0, at) + character + encrypted.slice(at + 1)
        assert.is(cipher.decrypt(changed, CONTEXT), undefined, `${character} at ${at}`)
      }
    }
  }
})

test('decrypts nothing that was truncated at either end', () => {
  const encrypted = cipher.encrypt(TEXT, CONTEXT)
  for (let length = 0; length < encrypted.length; length++) {
    assert.is(cipher.decrypt(encrypted.slice(0, length), CONTEXT), undefined)
    assert.is(cipher.decrypt(encrypted.slice(encrypted.length - length), CONTEXT), undefined)
  }
})

for (const [what, changed] of Object.entries({
  padding: (encrypted: string) => `${encrypted}=`,
  'a letter at the end': (encrypted: string) => `${encrypted}A`,
  'a letter in front': (encrypted: string) => `A${encrypted}`,
  'a space at the end': (encrypted: string) => `${encrypted} `,
  'a line break in the middle': (encrypted: string) => `${encrypted.slice(0, 9)}\n${encrypted.slice(9)}`,
  'itself again': (encrypted: string) => encrypted + encrypted,
})) {
  test(`decrypts nothing with ${what} added`, () => {
    for (const text of ['a', 'ab', 'abc']) {
      assert.is(cipher.decrypt(changed(cipher.encrypt(text, CONTEXT)), CONTEXT), undefined)
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
  'zeros as long as a encrypted empty text': 'A'.repeat(59),
  'our key and nothing else': Buffer.concat([key.id, Buffer.alloc(40)]).toString('base64url'),
})) {
  test(`returns undefined for ${what}`, () => assert.is(cipher.decrypt(text, CONTEXT), undefined))
}

test('decrypts nothing that was encrypted for another purpose', () => {
  const encrypted = cipher.encrypt(TEXT, CONTEXT)
  for (const other of ['', 'Gatehouse', 'gatehouse ', '__Host-gatehouse']) {
    assert.is(cipher.decrypt(encrypted, other), undefined)
  }
})

test('decrypts nothing from another key, even one with the same id', () => {
  assert.is(cipher.decrypt(createCipher([newKey()]).encrypt(TEXT, CONTEXT), CONTEXT), undefined)
  const impostor = createCipher([{ id: key.id, secret: randomBytes(32) }])
  assert.is(cipher.decrypt(impostor.encrypt(TEXT, CONTEXT), CONTEXT), undefined)
})

test('decrypts with every key and encrypts with the newest', () => {
  const [newest, old, older] = [newKey(), newKey(), newKey()]
  const all = createCipher([newest, old, older])
  for (const each of [newest, old, older]) {
    assert.is(all.decrypt(createCipher([each]).encrypt(TEXT, CONTEXT), CONTEXT), TEXT)
  }
  const encrypted = all.encrypt(TEXT, CONTEXT)
  assert.is(createCipher([newest]).decrypt(encrypted, CONTEXT), TEXT)
  assert.is(createCipher([old, older]).decrypt(encrypted, CONTEXT), undefined)
})

test('a cached text is decrypted only for its purpose and only unchanged', () => {
  const memory = caching(cipher)
  const encrypted = memory.encrypt(TEXT, CONTEXT)
  for (const _ of [1, 2]) {
    assert.is(memory.decrypt(encrypted, CONTEXT), TEXT)
    assert.is(memory.decrypt(encrypted, 'something else'), undefined)
    assert.is(memory.decrypt(`${encrypted}A`, CONTEXT), undefined)
    assert.is(memory.decrypt(encrypted.slice(0, -1), CONTEXT), undefined)
  }
})

test('a text that was evicted from the cache is decrypted again', () => {
  const memory = caching(cipher)
  const texts = Array.from({ length: 1_100 }, (_, index) => `${index}`)
  const encrypted = texts.map((text) => memory.encrypt(text, CONTEXT))
  for (const _ of [1, 2]) {
    assert.equal(
      encrypted.map((one) => memory.decrypt(one, CONTEXT)),
      texts,
    )
  }
})

test('throws without a key', () => {
  assert.throws(() => createCipher([]), /at least one key/)
})

test.run()
