import type { Facts } from '../mail/outbox.js'
import type { Actor } from '../tables/events.js'
import type { Account } from '../tables/users.js'
import { deviceWords } from '../web/user-agent.js'

export interface Origin {
  by: Actor
  address: string
  userAgent: string
  language?: string
  reason?: string
  /** Fingerprint of an admin's form, which acts once. */
  form?: string
  visit?: Visit
}

export interface Visit {
  requestId(): string
  deviceOf(account: Account | undefined): string | undefined
  /** The same if a second step was ever passed on the device. */
  provenDeviceOf(account: Account): string | undefined
  throwIfDisconnected(): void
  /** Resolves a random time after the response, so that timing reveals nothing. */
  afterwards(): Promise<void>
  ensureCodeBrowser(): string
  codeBrowser(): string | undefined
}

export const SYSTEM: Origin = { by: 'system', address: '', userAgent: '' }

export function circumstancesOf(origin: Origin, { now }: { now: () => number }): Facts {
  const { address, language, userAgent } = origin
  const { browser = '', system = '' } = deviceWords(userAgent)
  return {
    at: now(),
    browser,
    system,
    address,
    ...(isOperator(origin) && { byOperator: 1 }),
    ...(language !== undefined && { language }),
  }
}

function isOperator({ by }: Origin): boolean {
  return by === 'host' || by.startsWith('cli:') || by.startsWith('admin:')
}
