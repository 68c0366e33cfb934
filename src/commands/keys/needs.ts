import { LIMITS, type LimitRules } from '../../accounts/limit-rules.js'
import { MINUTE } from '../../base/durations.js'
import { APP_SECRETS } from '../../secrets/authenticator.js'
import { keyIdOf, prefixOf } from '../../secrets/cipher.js'
import { RECORD_EVERY } from '../../secrets/key-notes.js'
import type { Keyring } from '../../secrets/keyring.js'
import * as apps from '../../tables/authenticator-apps.js'
import { all, type RecordedKey } from '../../tables/keys.js'
import * as mails from '../../tables/mails.js'
import type { Db } from '../../tables/schema.js'
import * as sessions from '../../tables/sessions.js'
import * as tokens from '../../tables/tokens.js'
import type { Gatehouse } from '../../visitor/gatehouse.js'
import { DEVICE_LIFE } from '../../visitor/known-devices.js'

export interface KeyStatus {
  id: string
  isCurrent: boolean
  /** Whether a process encrypted with it in the last 3 minutes, perhaps with older settings. */
  isInUse: boolean
  noted: RecordedKey | undefined
  sessions: number
  /** Waiting emails, and failed ones that can be sent again. */
  mails: number
  codes: number
  /** Secrets of authenticator apps. A running site encrypts them with the current key. */
  apps: number
  /** Until when known devices and limits may depend on it, in UTC milliseconds. */
  until: number
}

// After the last note a key may still have encrypted, for longer while the database was unavailable.
const MARGIN = 5 * RECORD_EVERY
const IN_USE = 3 * MINUTE

interface SiteKeys {
  database: Gatehouse['database']
  keyring: Keyring
  limits: LimitRules | 'off'
  now: () => number
}

// Counts are upper bounds.
export async function keysInUse({
  database: { main },
  keyring,
  limits,
  now,
}: SiteKeys): Promise<KeyStatus[]> {
  const notes = await all(main)
  const encrypted = await mails.countsByKey(main)
  const mailKeys = keyring.cipherKeys('mail')
  const appKeys = keyring.cipherKeys(APP_SECRETS)
  const found: KeyStatus[] = []
  for (const [index, id] of keyring.ids.entries()) {
    const noted = notes.find((note) => note.id === id)
    const usedUntil = (noted?.sealedAt ?? noted?.notedAt ?? now()) + MARGIN
    found.push({
      id,
      isCurrent: index === 0,
      isInUse: now() - (noted?.sealedAt ?? 0) < IN_USE,
      noted,
      sessions: await sessions.countNotRecent(main, { until: usedUntil, now: now() }),
      mails: countMails(encrypted, mailKeys[index]?.id),
      codes: await tokens.countCodes(main, { until: usedUntil, now: now() }),
      apps: await countApps(main, appKeys[index]?.id),
      until: usedUntil + Math.max(DEVICE_LIFE, longestWindow(limits)),
    })
  }
  return found
}

async function countApps(db: Db, id: Buffer | undefined): Promise<number> {
  return id === undefined ? 0 : apps.countOfKey(db, prefixOf(id))
}

function countMails(encrypted: readonly mails.EncryptedMails[], id: Buffer | undefined): number {
  return encrypted
    .filter(({ facts, prepared }) => [facts, prepared].some((text) => id?.equals(keyIdOf(text))))
    .reduce((sum, { count }) => sum + count, 0)
}

function longestWindow(limits: LimitRules | 'off'): number {
  return Math.max(...Object.values(limits === 'off' ? LIMITS : limits).map(({ window }) => window))
}

export function needsOf({ sessions, mails, codes, apps, until }: KeyStatus, now: number): string[] {
  return [
    ...(sessions > 0 ? [several(sessions, 'session')] : []),
    ...(mails > 0 ? [several(mails, 'email')] : []),
    ...(codes > 0 ? [several(codes, 'code')] : []),
    ...(apps > 0 ? [several(apps, 'authenticator app')] : []),
    ...(until > now ? [`known devices until ${new Date(until).toISOString().slice(0, 10)}`] : []),
  ]
}

function several(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
