import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Purpose } from '../tables/tokens.js'

/** Whose code it is, for what, and in which browser it works. */
export interface CodeOwner {
  userId: string
  purpose: Purpose
  /** Known to the session that asked for the code, and to its mail alone (ASVS 5 6.6.2). */
  browser: string
}

/** The codes of a site: so few are possible that a hash would hide none, so what is kept is an HMAC under its key. */
export interface Codes {
  /** By the newest key. */
  mac(code: string, owner: CodeOwner): string
  /** Whether the code is the one of this HMAC, by whichever key of the ring; takes the same time whatever is typed. */
  matches(code: string, owner: CodeOwner, mac: string): boolean
}

/** `secrets` are of the keys of the ring, newest first. */
export function createCodes(secrets: readonly Buffer[]): Codes {
  const [newest] = secrets
  if (newest === undefined) throw new Error('createCodes needs at least one secret.')
  return {
    mac: (code, owner) => macOf(newest, code, owner),
    matches: (code, owner, expected) =>
      secrets.filter((secret) => isSame(macOf(secret, code, owner), expected)).length > 0,
  }
}

function macOf(secret: Buffer, code: string, { userId, purpose, browser }: CodeOwner): string {
  const content = [purpose, userId, browser, code].join('\0')
  return createHmac('sha256', secret).update(content).digest('base64url')
}

function isSame(mac: string, expected: string): boolean {
  const [one, other] = [Buffer.from(mac), Buffer.from(expected)]
  return one.length === other.length && timingSafeEqual(one, other)
}
