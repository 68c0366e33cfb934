import { hash, randomBytes } from 'node:crypto'

/** A secret that a browser or a mail carries: 32 random bytes as base64url. */
export function newToken(): string {
  return randomBytes(32).toString('base64url')
}

/** What the database keeps of a token. It has 256 random bits, so a fast hash is enough: nothing can be guessed from it. */
export function hashOf(token: string): string {
  return hash('sha256', token, 'base64url')
}

/** An id by which a browser is known to an account; it opens nothing. */
export function newDeviceId(): string {
  return randomBytes(9).toString('base64url')
}

/** A stamp that no device carries yet. */
export function newDeviceStamp(): string {
  return randomBytes(9).toString('base64url')
}
