import { createHmac, hash, randomBytes } from 'node:crypto'

export function newToken(): string {
  return randomBytes(32).toString('base64url')
}

/** The token that follows another, or a secret of the browser, after a form. */
export type NextToken = (token: string, form: string) => string

// Derived, so that both responses to a double click have the same one: the browser keeps whichever it waits for.
export function createNextToken(secret: Buffer | undefined): NextToken {
  if (secret === undefined) throw new Error('createNextToken needs a secret.')
  return (token, form) => createHmac('sha256', secret).update(`${token}\0${form}`).digest('base64url')
}

// A fast hash is enough for 256 random bits.
export function hashOf(token: string): string {
  return hash('sha256', token, 'base64url')
}

export function newDeviceId(): string {
  return randomBytes(9).toString('base64url')
}

export function newDeviceStamp(): string {
  return randomBytes(9).toString('base64url')
}
