import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { MINUTE } from '../base/durations.js'

export interface ChallengeOwner {
  purpose: 'login' | 'create' | 'second' | 'confirm' | 'signup'
  /** Secret of the visitor's session. Another browser cannot present the challenge. */
  browser: string
  /** '' if the user is not known yet; at a sign-up the id that the account will have. */
  userId: string
}

export interface Challenges {
  issue(owner: ChallengeOwner): string
  /** UTC milliseconds; undefined if it is not this owner's or has expired. */
  expiryOf(challenge: string, owner: ChallengeOwner): number | undefined
}

const RANDOM_LENGTH = 16
const EXPIRY_LENGTH = 6
const MAC_LENGTH = 32
const CONTENT_LENGTH = RANDOM_LENGTH + EXPIRY_LENGTH

// Browsers ignore the timeout of autofill, so it lasts as long as a page may stay open.
const LIFE = 30 * MINUTE

// Signed, so showing one stores nothing. Presenting it stores it as spent (`spent_challenges`).
export function createChallenges(secrets: readonly Buffer[], now: () => number): Challenges {
  const [newest] = secrets
  if (newest === undefined) throw new Error('createChallenges needs at least one secret.')
  return {
    issue(owner) {
      const content = Buffer.alloc(CONTENT_LENGTH)
      randomBytes(RANDOM_LENGTH).copy(content)
      content.writeUIntBE(now() + LIFE, RANDOM_LENGTH, EXPIRY_LENGTH)
      return Buffer.concat([content, macOf(newest, content, owner)]).toString('base64url')
    },
    expiryOf(challenge, owner) {
      const bytes = Buffer.from(challenge, 'base64url')
      if (bytes.length !== CONTENT_LENGTH + MAC_LENGTH || bytes.toString('base64url') !== challenge)
        return undefined
      const content = bytes.subarray(0, CONTENT_LENGTH)
      const mac = bytes.subarray(CONTENT_LENGTH)
      const isOurs =
        secrets.filter((secret) => timingSafeEqual(macOf(secret, content, owner), mac)).length > 0
      const expiry = content.readUIntBE(RANDOM_LENGTH, EXPIRY_LENGTH)
      return isOurs && expiry > now() ? expiry : undefined
    },
  }
}

function macOf(secret: Buffer, content: Buffer, { purpose, browser, userId }: ChallengeOwner): Buffer {
  const owner = [purpose, browser, userId, ''].join('\0')
  return createHmac('sha256', secret).update(owner).update(content).digest()
}
