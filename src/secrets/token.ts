import { hash, randomBytes } from 'node:crypto'

export function newToken(): string {
  return randomBytes(32).toString('base64url')
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
