import { hash } from '@node-rs/argon2'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { digestOf } from '../../src/secrets/foreign-digest.js'
import { bcryptHash, djangoHash, keycloakHash, wordpressHash } from '../../src/secrets/foreign-formats.js'
import { type ForeignHash, foreignText, isWeak, readForeign } from '../../src/secrets/foreign-hash.js'
import { createPasswords } from '../../src/secrets/password.js'
import { CHEAP } from '../support/helpers.js'
import { FUECHSE, VECTORS } from './foreign-vectors.js'

const test = suite('hashes of other systems')
const passwords = createPasswords(CHEAP)

function known(hash: ForeignHash | undefined): ForeignHash {
  if (hash === undefined) throw new Error('not read')
  return hash
}

for (const { what, made, password, hash: read, isWeak: weak = false } of VECTORS) {
  test(`${what} (${made})`, async () => {
    const foreign = known(read)
    const stored = foreignText(foreign)
    assert.equal(readForeign(stored), foreign)
    assert.is(isWeak(foreign), weak)
    assert.ok(await passwords.verify(stored, password))
    for (const wrong of ['', `${password}x`, password.toUpperCase(), 'x']) {
      assert.not.ok(await passwords.verify(stored, wrong), wrong)
    }
    assert.ok(passwords.isOutdated(stored), 'it is renewed at the next login')
  })
}

test('also work inside an Argon2id hash', async () => {
  const { digest: _, ...rest } = known(wordpressHash('aa11581747cfcb395389149175070080'))
  const digest = digestOf(known(wordpressHash('aa11581747cfcb395389149175070080')), FUECHSE)
  const wrapped = await hash(digest.toString('base64'), CHEAP)
  const stored = foreignText({ ...rest, wrapped })
  assert.equal(readForeign(stored), { ...rest, wrapped })
  assert.ok(await passwords.verify(stored, FUECHSE))
  assert.ok(await passwords.verify(stored, ` ${FUECHSE}`), 'WordPress trims')
  assert.not.ok(await passwords.verify(stored, 'Füchse jagen 8'))
})

for (const [what, read] of [
  ['bcrypt of cost 15', bcryptHash('$2y$15$FVlWySKqDZjPO.8/K.uYsue9h.blq3j18Y5.EFYDSl/IkuhVSWzTC')],
  ['bcrypt with the error of 2x', bcryptHash('$2x$05$FVlWySKqDZjPO.8/K.uYsue9h.blq3j18Y5.EFYDSl/IkuhVSWzTC')],
  [
    'PBKDF2 with 3 million rounds',
    djangoHash('pbkdf2_sha256$3000000$a$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c='),
  ],
  [
    'scrypt of 256 MiB',
    djangoHash('scrypt$262144$seasalt$8$1$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQ='),
  ],
  [
    'scrypt with costs that do not exist',
    djangoHash('scrypt$16383$seasalt$8$1$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB='),
  ],
  [
    'Argon2 of 256 MiB',
    djangoHash('argon2$argon2id$v=19$m=262144,t=2,p=8$Y041dExhNkljRUUy$TMa6A8fPJhCAUXRhJXCXdw'),
  ],
  ['an unusable password of Django', djangoHash('!Z2xkc2FkZmFzZGZhc2RmYXNkZg')],
  [
    'an algorithm that nobody knows',
    keycloakHash({ algorithm: 'md5-crypt', iterations: 1, salt: '', value: 'AAAA', parameters: {} }),
  ],
  ['a hash that was cut', djangoHash('pbkdf2_sha256$390000$seasalt')],
  ['nothing', wordpressHash('')],
] as const) {
  test(`${what} is not accepted`, () => {
    assert.is(read, undefined)
  })
}

test('that cannot be parsed never match', async () => {
  const digest = { scheme: 'digest', hash: 'md5', salt: '', digest: '' }
  for (const json of ['', '{', '{}', JSON.stringify(digest)]) {
    const stored = `$foreign$${json}`
    assert.not.ok(await passwords.verify(stored, ''))
    assert.not.ok(await passwords.verify(stored, 'x'))
  }
})

test.run()
