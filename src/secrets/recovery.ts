import { createHmac, randomBytes } from 'node:crypto'

const CODES = 10

/** 66 bits. NIST 800-63B-4 3.1.2.2 requires 64. */
export const RECOVERY_DIGITS = 20

export function newSeed(): string {
  return randomBytes(16).toString('base64url')
}

export function codesOf(seed: string): string[] {
  return Array.from({ length: CODES }, (_, index) => codeOf(Buffer.from(seed, 'base64url'), index))
}

function codeOf(seed: Buffer, index: number): string {
  const bytes = createHmac('sha256', seed).update(`recovery code ${index}`).digest('hex')
  return String(BigInt(`0x${bytes}`) % 10n ** BigInt(RECOVERY_DIGITS)).padStart(RECOVERY_DIGITS, '0')
}
