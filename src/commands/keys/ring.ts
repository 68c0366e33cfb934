import type { Registry } from '../../accounts/registry.js'
import { changeKeyFile, siteKeys } from '../../secrets/key-file.js'
import { createKeyring } from '../../secrets/keyring.js'
import { type Config, readConfig } from '../../server/config.js'
import { readDotEnv } from '../../server/dot-env.js'
import { refuseMissingKeys, withRegistry } from '../command.js'
import { keysInUse, type RingKey } from './needs.js'

/** The ring as the environment gives it, and what is known of its keys. */
export interface Ring {
  keys: readonly RingKey[]
  config: Config
  now: number
}

/** Does `work` with the ring of the site. Throws a sentence, also where no key was made yet. */
export async function inRing<Result>(work: (ring: Ring) => Promise<Result>): Promise<Result> {
  readDotEnv()
  refuseMissingKeys(readConfig(process.env))
  return withRegistry(async (registry, config) => work(await ringOf(registry, config)))
}

async function ringOf({ database, now }: Registry, config: Config): Promise<Ring> {
  const keyring = createKeyring(siteKeys(config))
  return { keys: await keysInUse({ database, keyring, limits: config.limits, now }), config, now: now() }
}

/**
 * Changes the ring in the key file, and answers the sentence that says so; or answers the value for `SESSION_KEYS`, which
 * only who has set it can set anew, and says so on standard error. Keys are told by nothing else.
 */
export function changeRing(
  { sessionKeys, keyFile }: Config,
  change: (keys: readonly string[]) => readonly string[],
  { done, toDo }: { done: string; toDo: string },
): string {
  if (sessionKeys.length === 0) {
    changeKeyFile(keyFile, change)
    return `${done} (${keyFile})`
  }
  process.stderr.write(`This is the new value of SESSION_KEYS. ${toDo}\n`)
  return change(sessionKeys).join(',')
}
