import { parseArgs } from 'node:util'
import { numbered } from '../../accounts/events.js'
import { eventOf } from '../../accounts/history.js'
import type { Registry } from '../../accounts/registry.js'
import { newDeviceStamp } from '../../secrets/token.js'
import * as events from '../../tables/events.js'
import * as sessions from '../../tables/sessions.js'
import * as users from '../../tables/users.js'
import { type Command, commandOrigin, UsageError, understood, withRegistry } from '../command.js'

const origin = commandOrigin('sessions end')
/** Users in one transaction: the site writes between two of them. */
const BATCH = 500

export const part: Command = {
  name: 'end',
  summary: 'logs all users out',
  usage: `gatehouse sessions end --all
    Ends all sessions of all users and forgets their devices, as after a theft of keys or cookies. Passwords stay as they
    are. It may be stopped and called again. For one user: gatehouse users logout.`,
  async run(args) {
    const { values } = understood(() => parseArgs({ args: [...args], options: { all: { type: 'boolean' } } }))
    if (!values.all) throw new UsageError('Say that you mean all users: gatehouse sessions end --all.')
    return withRegistry((registry) => endAll(registry))
  },
}

/** Ends the sessions of all users, `batch` users in a transaction. */
export async function endAll(registry: Pick<Registry, 'database' | 'now'>, batch = BATCH): Promise<string> {
  let [last, ended, loggedOut] = ['', 0, 0]
  for (;;) {
    const ids = await users.idsAfter(registry.database.main, last, batch)
    const next = ids.at(-1)
    if (next === undefined)
      return `All users are logged out: ${loggedOut}; sessions that were ended: ${ended}.`
    const owners = await endSessionsOf(registry, ids)
    ended += owners.length
    loggedOut += new Set(owners).size
    last = next
  }
}

/** Ends the sessions of these users and makes strangers of their devices; returns the owner of each session. */
function endSessionsOf(
  { database, now }: Pick<Registry, 'database' | 'now'>,
  ids: readonly string[],
): Promise<string[]> {
  return database.write(async (transaction) => {
    const owners = await sessions.closeAllOf(transaction, ids, { now: now() })
    await users.setDeviceStamps(transaction, ids, newDeviceStamp())
    const told = [...new Set(owners)].map((userId) =>
      numbered(eventOf(origin, { now }, { kind: 'sessions_ended', userId })),
    )
    await events.insertAll(transaction, told)
    return owners
  })
}
