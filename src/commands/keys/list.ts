import { parseArgs } from 'node:util'
import { type Command, parsed } from '../command.js'
import { json, table } from '../terminal.js'
import { type KeyStatus, needsOf } from './needs.js'
import { type SiteKeys, withKeys } from './site-keys.js'

export const subcommand: Command = {
  name: 'list',
  summary: 'List the keys and what still needs each of them',
  help: `Usage: gatehouse keys list [--json]

List the keys, the current one first: since when each is known, when it last
encrypted, and what still needs it. The ids reveal nothing about the keys.`,
  async run(args) {
    const { values } = parsed(() =>
      parseArgs({ args: [...args], options: { json: { type: 'boolean', default: false } } }),
    )
    return withKeys(async (site) =>
      values.json ? json(site.keys.map((key) => rowOf(key, site))) : tableOf(site),
    )
  },
}

function rowOf(key: KeyStatus, { now }: SiteKeys) {
  return {
    id: key.id,
    current: key.isCurrent,
    since: timeOf(key.noted?.notedAt),
    lastUsed: timeOf(key.noted?.sealedAt),
    sessions: key.sessions,
    mails: key.mails,
    codes: key.codes,
    apps: key.apps,
    neededBy: needsOf(key, now),
  }
}

function timeOf(time: number | null | undefined): string | null {
  return time == null ? null : new Date(time).toISOString()
}

function tableOf(site: SiteKeys): string {
  const rows = site.keys.map((key) => {
    const { id, since, lastUsed } = rowOf(key, site)
    return [id, dayOf(since), dayOf(lastUsed), stateOf(key, site)]
  })
  return table(['ID', 'SINCE', 'LAST USED', 'STATE'], rows)
}

function dayOf(time: string | null): string {
  return time?.slice(0, 10) ?? 'never'
}

function stateOf(key: KeyStatus, { now }: SiteKeys): string {
  if (key.isCurrent) return 'current'
  const needs = needsOf(key, now)
  if (key.isInUse) return `still used by a process with older keys; needed by ${needs.join(', ')}`
  return needs.length === 0 ? 'can be dropped' : `needed by ${needs.join(', ')}`
}
