import type { Logger } from 'pino'
import { MINUTE } from '../base/durations.js'
import * as keys from '../tables/keys.js'
import type { Database } from '../tables/schema.js'
import type { Keyring } from './keyring.js'

/** So often it is noted which key seals. */
export const NOTE_EVERY = MINUTE

/** Notes, now and every minute, which keys this process has and which of them seals: it shows when an old one can go. */
export function startNotingKeys(
  { database, log, now }: { database: Database; log: Logger; now: () => number },
  { ids }: Keyring,
): () => void {
  const note = () => {
    keys
      .note(database.loose, ids, now())
      .catch((error: unknown) => log.debug({ err: error }, 'the keys were not noted'))
  }
  note()
  const timer = setInterval(note, NOTE_EVERY).unref()
  return () => clearInterval(timer)
}
