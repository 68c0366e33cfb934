import { parseArgs } from 'node:util'
import { endSessionsOf } from '../../accounts/ending-sessions.js'
import { recordOtherAction } from '../../accounts/operator-log.js'
import type { Registry } from '../../accounts/registry.js'
import * as users from '../../tables/users.js'
import { type Command, commandOrigin, parsed, UsageError, withRegistry } from '../command.js'

const BATCH = 500

export const subcommand: Command = {
  name: 'end',
  summary: 'Log all users out everywhere',
  help: `Usage: gatehouse sessions end --all

End all sessions of all users and forget their devices, for example after keys
or cookies were stolen. Passwords stay the same. If it is interrupted, run it
again. For one user, run gatehouse users logout.`,
  async run(args) {
    const { values } = parsed(() => parseArgs({ args: [...args], options: { all: { type: 'boolean' } } }))
    if (!values.all) throw new UsageError('Missing --all. Usage: gatehouse sessions end --all')
    return withRegistry(async (registry) => {
      const origin = commandOrigin('sessions end')
      await registry.database.write((transaction) =>
        recordOtherAction(transaction, origin, registry, { kind: 'all_sessions_ended' }),
      )
      return endAll(registry)
    })
  },
}

export async function endAll(
  registry: Pick<Registry, 'database' | 'events' | 'now'>,
  batch = BATCH,
): Promise<string> {
  let [last, ended, loggedOut] = ['', 0, 0]
  for (;;) {
    const ids = await users.idsAfter(registry.database.main, last, batch)
    const next = ids.at(-1)
    if (next === undefined) return `Logged all users out (${loggedOut}). Sessions ended: ${ended}.`
    const owners = await endSessionsOf(commandOrigin('sessions end'), registry, ids)
    ended += owners.length
    loggedOut += new Set(owners).size
    last = next
  }
}
