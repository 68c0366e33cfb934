import { randomBytes } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type ChallengeOwner, createChallenges } from '../../src/secrets/challenge.js'
import { Clock } from '../support/helpers.js'

const test = suite('challenge')
const OWNER: ChallengeOwner = { purpose: 'login', browser: 'secret', userId: '' }
const clock = new Clock()
const [key, older] = [randomBytes(32), randomBytes(32)]
const challenges = createChallenges([key], clock.now)

test('is different each time, and begins with 128 random bits', () => {
  const [one = '', other = ''] = [challenges.issue(OWNER), challenges.issue(OWNER)]
  assert.is(Buffer.from(one, 'base64url').length, 16 + 6 + 32)
  assert.not.equal(one.slice(0, 20), other.slice(0, 20))
})

test('belongs to one purpose, browser and user', () => {
  const challenge = challenges.issue(OWNER)
  assert.is(challenges.expiryOf(challenge, OWNER), clock.time + 30 * 60_000)
  const others = [
    { purpose: 'create' },
    { browser: 'other' },
    { userId: 'anna' },
    { browser: '', userId: 'secret' },
  ] as const
  for (const other of others) assert.is(challenges.expiryOf(challenge, { ...OWNER, ...other }), undefined)
})

test('expires after 30 minutes', () => {
  const challenge = challenges.issue(OWNER)
  clock.advance(30 * 60_000 - 1)
  assert.ok(challenges.expiryOf(challenge, OWNER))
  clock.advance(1)
  assert.is(challenges.expiryOf(challenge, OWNER), undefined)
})

test('is valid with an older key, and invalid with an unknown key', () => {
  const challenge = createChallenges([older], clock.now).issue(OWNER)
  assert.ok(createChallenges([key, older], clock.now).expiryOf(challenge, OWNER))
  assert.is(challenges.expiryOf(challenge, OWNER), undefined)
})

test('is invalid with any changed bit', () => {
  const bytes = Buffer.from(challenges.issue(OWNER), 'base64url')
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] ?? 0) ^ 1
    assert.is(challenges.expiryOf(changed.toString('base64url'), OWNER), undefined)
  }
  for (const none of ['', '=', 'x'.repeat(20_000), `${challenges.issue(OWNER)}=`]) {
    assert.is(challenges.expiryOf(none, OWNER), undefined)
  }
})

test.run()
