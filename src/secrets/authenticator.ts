import { once } from '../base/once.js'

// Loaded at first use: most visits need no code.
const library = once(() => import('otplib'))

export const APP_SECRETS = 'authenticator apps'

/** Seconds for which an app shows one code (RFC 6238 5.2). */
const PERIOD = 30

export async function newAppSecret(): Promise<string> {
  return (await library()).generateSecret()
}

export interface AppCode {
  secret: string
  code: string
  /** Codes of this step and of earlier ones no longer work. */
  lastStep: number
  now: number
}

/**
 * Returns the step that the code belongs to, or undefined if it is wrong or used. Clocks may differ by one
 * step (RFC 6238 5.2). Two steps may have the same digits: then the current one counts, because the next one is
 * yet to be used.
 */
export async function stepOf({ secret, code, lastStep, now }: AppCode): Promise<number | undefined> {
  const { verifySync } = await library()
  const isOf = (step: number) =>
    verifySync({ secret, token: code, epoch: step * PERIOD, epochTolerance: 0 }).valid
  const current = Math.floor(now / (PERIOD * 1000))
  const isUsable = (step: number) => step > lastStep && isOf(step)
  if (isUsable(current)) return current
  if (isUsable(current - 1)) return current - 1
  // A used code must not pass as the same digits of a later step.
  const isSpent = [current - 1, current, lastStep].some(isOf)
  return isUsable(current + 1) && !isSpent ? current + 1 : undefined
}

/** Whether the newest code was used before its time, because the clock of the app is ahead. */
export function isAhead(lastStep: number, usedAt: number): boolean {
  return lastStep > Math.floor(usedAt / (PERIOD * 1000))
}

// A QR code holds 2,331 bytes, and cameras read smaller ones more easily.
const MOST_ISSUER = 40

/** Names the account in the app (Google Authenticator, "Key Uri Format"). Parameters left out have their defaults. */
export function appUri({ site, name, secret }: { site: string; name: string; secret: string }): string {
  // A colon separates the two.
  const [issuer, account] = [[...site].slice(0, MOST_ISSUER).join(''), name].map((text) =>
    encodeURIComponent(text.replaceAll(':', '')),
  )
  return `otpauth://totp/${issuer}:${account}?secret=${secret}&issuer=${issuer}`
}
