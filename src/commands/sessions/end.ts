import { parseArgs } from 'node:util'
import { commandEvent } from '../../accounts/history.js'
import * as events from '../../tables/events.js'
import * as sessions from '../../tables/sessions.js'
import * as users from '../../tables/users.js'
import { newDeviceStamp } from '../../visitor/known-devices.js'
import { type Command, inOffice, type Office, UsageError, understood } from '../command.js'

const BY = 'gatehouse sessions end'
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
    return inOffice((office) => endAll(office))
  },
}

/** Ends the sessions of all users, `batch` users in a transaction. */
export async function endAll(office: Pick<Office, 'database' | 'now'>, batch = BATCH): Promise<string> {
  let [last, ended, loggedOut] = ['', 0, 0]
  for (;;) {
    const ids = await users.idsAfter(office.database.main, last, batch)
    const next = ids.at(-1)
    if (next === undefined)
      return `All users are logged out: ${loggedOut}; sessions that were ended: ${ended}.`
    const owners = await endSessionsOf(office, ids)
    ended += owners.length
    loggedOut += new Set(owners).size
    last = next
  }
}

/** Ends the sessions of these users and makes strangers of their devices; returns the owner of each session. */
function endSessionsOf(
  { database, now }: Pick<Office, 'database' | 'now'>,
  ids: readonly string[],
): Promise<string[]> {
  return database.write(async (transaction) => {
    const owners = await sessions.closeAllOf(transaction, ids, { now: now() })
    await users.setDeviceStamps(transaction, ids, newDeviceStamp())
    const told = [...new Set(owners)].map((userId) =>
      commandEvent({ by: BY, kind: 'sessions_ended', userId }, now()),
    )
    await events.insertAll(transaction, told)
    return owners
  })
}
