import { parseArgs } from 'node:util'
import { type Command, understood } from '../command.js'
import { json, table } from '../terminal.js'
import { needsOf, type RingKey } from './needs.js'
import { inRing, type Ring } from './ring.js'

export const part: Command = {
  name: 'list',
  summary: 'List the keys and what still needs each of them',
  help: `Usage: gatehouse keys list [--json]

List the keys, the current one first: since when each is known, when it last
encrypted, and what still needs it. The ids reveal nothing about the keys.`,
  async run(args) {
    const { values } = understood(() =>
      parseArgs({ args: [...args], options: { json: { type: 'boolean', default: false } } }),
    )
    return inRing(async (ring) =>
      values.json ? json(ring.keys.map((key) => rowOf(key, ring))) : tableOf(ring),
    )
  },
}

function rowOf(key: RingKey, { now }: Ring) {
  return {
    id: key.id,
    seals: key.seals,
    since: timeOf(key.noted?.notedAt),
    sealed: timeOf(key.noted?.sealedAt),
    sessions: key.sessions,
    mails: key.mails,
    codes: key.codes,
    neededBy: needsOf(key, now),
  }
}

function timeOf(time: number | null | undefined): string | null {
  return time == null ? null : new Date(time).toISOString()
}

function tableOf(ring: Ring): string {
  const rows = ring.keys.map((key) => {
    const { id, since, sealed } = rowOf(key, ring)
    return [id, dayOf(since), dayOf(sealed), stateOf(key, ring)]
  })
  return table(['ID', 'SINCE', 'LAST USED', 'STATE'], rows)
}

function dayOf(time: string | null): string {
  return time?.slice(0, 10) ?? 'never'
}

function stateOf(key: RingKey, { now }: Ring): string {
  if (key.seals) return 'current'
  const needs = needsOf(key, now)
  if (key.isInUse) return `still used by a process with older keys; needed by ${needs.join(', ')}`
  return needs.length === 0 ? 'can be dropped' : `needed by ${needs.join(', ')}`
}
