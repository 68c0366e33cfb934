import { once } from '../base/once.js'

const library = once(() => import('otplib'))

export const APP_SECRETS = 'authenticator apps'

// Seconds (RFC 6238 5.2).
const PERIOD = 30

// In bytes. RFC 4226 4 asks for 16, but many systems made secrets of 10, as Google Authenticator did.
const SHORTEST = 10
const LONGEST = 64

export function isAppSecret({ length }: Uint8Array): boolean {
  return length >= SHORTEST && length <= LONGEST
}

export async function newAppSecret(): Promise<string> {
  return (await library()).generateSecret()
}

export interface AppCode {
  secret: string
  code: string
  lastStep: number
  now: number
}

/** Returns the step of the code, or undefined if it is wrong or used. Clocks may differ by one step (RFC 6238 5.2). */
export async function stepOf({ secret, code, lastStep, now }: AppCode): Promise<number | undefined> {
  const { verifySync, createGuardrails } = await library()
  const guardrails = createGuardrails({ MIN_SECRET_BYTES: SHORTEST, MAX_SECRET_BYTES: LONGEST })
  const matches = (step: number) =>
    verifySync({ secret, token: code, epoch: step * PERIOD, epochTolerance: 0, guardrails }).valid
  const current = stepAt(now)
  // Two steps may have the same digits. The current one comes first, so that the next one stays usable.
  const isUsable = (step: number) => step > lastStep && matches(step)
  if (isUsable(current)) return current
  if (isUsable(current - 1)) return current - 1
  // A used code must not pass as the same digits of a later step.
  const isSpent = [current - 1, current, lastStep].some(matches)
  return isUsable(current + 1) && !isSpent ? current + 1 : undefined
}

export function stepAt(now: number): number {
  return Math.floor(now / (PERIOD * 1000))
}

/** Whether the last code was used before its time, because the app's clock is ahead. */
export function isAhead(lastStep: number, usedAt: number): boolean {
  return lastStep > stepAt(usedAt)
}

// A QR code holds 2,331 bytes, and cameras read smaller ones more easily.
const MAX_ISSUER = 40

/** Google Authenticator, "Key Uri Format". */
export function appUri({ site, name, secret }: { site: string; name: string; secret: string }): string {
  const [issuer, account] = [[...site].slice(0, MAX_ISSUER).join(''), name].map((text) =>
    encodeURIComponent(text.replaceAll(':', '')),
  )
  return `otpauth://totp/${issuer}:${account}?secret=${secret}&issuer=${issuer}`
}
