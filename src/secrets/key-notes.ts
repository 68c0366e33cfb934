import type { Logger } from 'pino'
import { MINUTE } from '../base/durations.js'
import * as keys from '../tables/keys.js'
import type { Database } from '../tables/schema.js'
import type { Keyring } from './keyring.js'

export const RECORD_EVERY = MINUTE

export function startRecordingKeys(
  { database, log, now }: { database: Database; log: Logger; now: () => number },
  { ids }: Keyring,
): () => void {
  const record = () => {
    keys
      .record(database.loose, ids, now())
      .catch((error: unknown) => log.debug({ err: error }, 'could not save keys in use'))
  }
  record()
  const timer = setInterval(record, RECORD_EVERY).unref()
  return () => clearInterval(timer)
}
