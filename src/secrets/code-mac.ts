import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Purpose } from '../tables/tokens.js'

export interface CodeOwner {
  userId: string
  purpose: Purpose
  /** Binds the code to the session that asked for it (ASVS 5 6.6.2). */
  browser: string
}

// HMAC, because a plain hash of so few possible codes can be reversed.
export interface Codes {
  mac(code: string, owner: CodeOwner): string
  matches(code: string, owner: CodeOwner, mac: string): boolean
}

export function createCodes(secrets: readonly Buffer[]): Codes {
  const [newest] = secrets
  if (newest === undefined) throw new Error('createCodes needs at least one secret.')
  return {
    mac: (code, owner) => macOf(newest, code, owner),
    matches: (code, owner, expected) =>
      secrets.filter((secret) => isEqual(macOf(secret, code, owner), expected)).length > 0,
  }
}

function macOf(secret: Buffer, code: string, { userId, purpose, browser }: CodeOwner): string {
  const content = [purpose, userId, browser, code].join('\0')
  return createHmac('sha256', secret).update(content).digest('base64url')
}

function isEqual(mac: string, expected: string): boolean {
  const [one, other] = [Buffer.from(mac), Buffer.from(expected)]
  return one.length === other.length && timingSafeEqual(one, other)
}
