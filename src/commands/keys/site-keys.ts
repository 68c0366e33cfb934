import type { Registry } from '../../accounts/registry.js'
import { changeKeyFile, siteKeys } from '../../secrets/key-file.js'
import { createKeyring } from '../../secrets/keyring.js'
import type { Config } from '../../server/config.js'
import { refuseMissingKeys, withRegistry } from '../command.js'
import { readSettings } from '../settings.js'
import { type KeyStatus, keysInUse } from './needs.js'

export interface SiteKeys {
  keys: readonly KeyStatus[]
  config: Config
  now: number
}

export async function withKeys<Result>(work: (site: SiteKeys) => Promise<Result>): Promise<Result> {
  refuseMissingKeys(await readSettings())
  return withRegistry(async (registry, config) => work(await keysOf(registry, config)))
}

async function keysOf({ database, now }: Registry, config: Config): Promise<SiteKeys> {
  const keyring = createKeyring(siteKeys(config))
  return { keys: await keysInUse({ database, keyring, limits: config.limits, now }), config, now: now() }
}

// Only the operator can change SESSION_KEYS, so then its new value is returned.
export function changeKeys(
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
