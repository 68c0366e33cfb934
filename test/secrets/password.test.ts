import { hash } from '@node-rs/argon2'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createPasswords, hashingLimits, TooManyAtOnce } from '../../src/secrets/password.js'
import { CHEAP, PASSWORD } from '../support/helpers.js'

const COMBINING_ACUTE = '\u0301'

const test = suite('passwords')

test('are hashed with OWASP’s costs by default', async () => {
  const passwords = createPasswords()
  const stored = await passwords.hash(PASSWORD)
  assert.match(stored, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22,}\$[A-Za-z0-9+/]{43}$/)
  assert.is(await passwords.verify(stored, PASSWORD), true)
  assert.is(passwords.isOutdated(stored), false)
})

test('are hashed with the site’s own costs', async () => {
  const passwords = createPasswords({ memoryCost: 128, timeCost: 3, parallelism: 2 })
  assert.match(await passwords.hash(PASSWORD), /^\$argon2id\$v=19\$m=128,t=3,p=2\$/)
})

test('never get the same hash twice', async () => {
  const passwords = createPasswords(CHEAP)
  const hashes = await Promise.all(Array.from({ length: 20 }, () => passwords.hash(PASSWORD)))
  assert.is(new Set(hashes).size, 20)
})

test('match only if every character does', async () => {
  const passwords = createPasswords(CHEAP)
  const stored = await passwords.hash(PASSWORD)
  assert.is(await passwords.verify(stored, PASSWORD), true)
  for (const wrong of [
    '',
    PASSWORD.toUpperCase(),
    `${PASSWORD} `,
    ` ${PASSWORD}`,
    PASSWORD.slice(1),
    `${PASSWORD}\0`,
  ]) {
    assert.is(await passwords.verify(stored, wrong), false)
  }
})

test('are compared to the last character, however long they are', async () => {
  const passwords = createPasswords(CHEAP)
  const long = '😀'.repeat(256)
  const stored = await passwords.hash(long)
  assert.is(await passwords.verify(stored, long), true)
  assert.is(await passwords.verify(stored, `${'😀'.repeat(255)}x`), false)
})

test('match in every Unicode form', async () => {
  const passwords = createPasswords(CHEAP)
  const stored = await passwords.hash('café ﬁancé １２')
  assert.is(await passwords.verify(stored, `cafe${COMBINING_ACUTE} fiance${COMBINING_ACUTE} 12`), true)
  assert.is(await passwords.verify(stored, 'cafe fiance 12'), false)
})

test('never match without an account', async () => {
  const passwords = createPasswords(CHEAP)
  for (const guess of ['', PASSWORD, 'a password that nobody has']) {
    assert.is(await passwords.verify(undefined, guess), false)
  }
})

test('take as long for an unknown username as for a wrong password', async () => {
  const passwords = createPasswords({ memoryCost: 8192, timeCost: 1, parallelism: 1 })
  const stored = await passwords.hash(PASSWORD)
  const known: number[] = []
  const unknown: number[] = []
  for (let round = 0; round < 31; round++) {
    known.push(await duration(() => passwords.verify(stored, 'a wrong password')))
    unknown.push(await duration(() => passwords.verify(undefined, 'a wrong password')))
  }
  const ratio = median(unknown) / median(known)
  assert.ok(ratio > 0.5 && ratio < 2, `unknown to known takes ${ratio}`)
})

async function duration(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

function median(numbers: number[]): number {
  return numbers.sort((one, other) => one - other)[numbers.length >> 1] ?? Number.NaN
}

test('are outdated when any cost has changed', async () => {
  const costs = { memoryCost: 128, timeCost: 2, parallelism: 2 }
  const passwords = createPasswords(costs)
  assert.is(passwords.isOutdated(await hash(PASSWORD, costs)), false)
  for (const change of [{ memoryCost: 64 }, { timeCost: 1 }, { parallelism: 1 }, { memoryCost: 256 }]) {
    assert.is(passwords.isOutdated(await hash(PASSWORD, { ...costs, ...change })), true)
  }
})

test('are outdated when another algorithm hashed them', async () => {
  const passwords = createPasswords(CHEAP)
  const argon2i = 1
  assert.is(passwords.isOutdated(await hash(PASSWORD, { ...CHEAP, algorithm: argon2i })), true)
})

test('are all checked while the queue is not full', async () => {
  const passwords = createPasswords(CHEAP, { ...hashingLimits(1), waiting: 20 })
  const stored = await passwords.hash(PASSWORD)
  for (let round = 0; round < 3; round++) {
    const results = await Promise.all(Array.from({ length: 20 }, () => passwords.verify(stored, PASSWORD)))
    assert.equal(results, Array(20).fill(true))
  }
})

test('above the queue’s limit are refused, and the others are checked', async () => {
  const passwords = createPasswords(CHEAP, { ...hashingLimits(1), waiting: 20 })
  const stored = await passwords.hash(PASSWORD)
  const outcomes = await Promise.allSettled(
    Array.from({ length: 100 }, () => passwords.verify(stored, PASSWORD)),
  )
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason)
  const succeeded = outcomes.filter((outcome) => outcome.status === 'fulfilled').map(({ value }) => value)
  assert.ok(succeeded.length >= 20 && succeeded.length <= 24, `${succeeded.length} succeeded`)
  assert.ok(succeeded.every(Boolean))
  for (const error of refused) {
    assert.instance(error, TooManyAtOnce)
    assert.is(error.status, 503)
    assert.ok(error.retryAfter > 0)
  }
  assert.is(await passwords.verify(stored, PASSWORD), true)
})

test('to hash above the queue’s limit are refused, too', async () => {
  const passwords = createPasswords(CHEAP, { ...hashingLimits(1), waiting: 5 })
  const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => passwords.hash(PASSWORD)))
  assert.ok(outcomes.some(({ status }) => status === 'fulfilled'))
  assert.ok(
    outcomes.some((outcome) => outcome.status === 'rejected' && outcome.reason instanceof TooManyAtOnce),
  )
})

test('are not hashed for visitors who left before their turn', async () => {
  const passwords = createPasswords(CHEAP)
  let isGone = false
  const refuseIfGone = () => {
    if (isGone) throw new Error('gone')
  }
  const waiting = Array.from({ length: 100 }, () => passwords.hash('correct horse', refuseIfGone))
  isGone = true
  const outcomes = await Promise.allSettled(waiting)
  assert.ok(outcomes.filter(({ status }) => status === 'rejected').length >= 97)
  assert.ok(await passwords.verify(await passwords.hash('correct horse'), 'correct horse'))
})

test('are hashed by workers that share the machine’s cores and the queue’s limit', () => {
  assert.equal(hashingLimits(1, 2), { atOnce: 2, waiting: 256 })
  assert.equal(hashingLimits(2, 2), { atOnce: 1, waiting: 128 })
  assert.equal(hashingLimits(4, 2), { atOnce: 1, waiting: 128 })
  assert.equal(hashingLimits(1, 8), { atOnce: 6, waiting: 256 })
  assert.equal(hashingLimits(4, 8), { atOnce: 2, waiting: 86 })
  assert.equal(hashingLimits(8, 8), { atOnce: 1, waiting: 43 })
})

test.run()
