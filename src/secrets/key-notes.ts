import type { Logger } from 'pino'
import { MINUTE } from '../base/durations.js'
import * as keys from '../tables/keys.js'
import type { Database } from '../tables/schema.js'
import type { Keyring } from './keyring.js'

export const NOTE_EVERY = MINUTE

export function startNotingKeys(
  { database, log, now }: { database: Database; log: Logger; now: () => number },
  { ids }: Keyring,
): () => void {
  const note = () => {
    keys
      .note(database.loose, ids, now())
      .catch((error: unknown) => log.debug({ err: error }, 'could not save keys in use'))
  }
  note()
  const timer = setInterval(note, NOTE_EVERY).unref()
  return () => clearInterval(timer)
}
