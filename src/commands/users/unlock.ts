import { parseArgs } from 'node:util'
import { REASON_MAX } from '../../accounts/disabling.js'
import type { Registry } from '../../accounts/registry.js'
import { unlock } from '../../accounts/unlocking.js'
import { type Command, commandOrigin, parsed, withRegistry } from '../command.js'
import { printable } from '../terminal.js'
import { findAccount, reasonOf, USER_HELP, userArgument } from './find-user.js'

export const subcommand: Command = {
  name: 'unlock',
  summary: 'Let a user try again after too many failed attempts',
  help: `Usage: gatehouse users unlock <user> [--reason <text>]

Forget failed logins, codes and second steps, which block an account for a
while. Limits of networks stay, and so do those of the user's known devices,
which gatehouse users logout forgets.

${USER_HELP}

Options:
  --reason <text>  Why, in one line of up to ${REASON_MAX} characters. The user can
                   read it in the account activity`,
  async run(args) {
    const { values, positionals } = parsed(() =>
      parseArgs({ args: [...args], options: { reason: { type: 'string' } }, allowPositionals: true }),
    )
    const identifier = userArgument(positionals, 'unlock')
    const reason = reasonOf(values.reason)
    return withRegistry((registry) => unlockOne(registry, identifier, reason))
  },
}

async function unlockOne(
  registry: Registry,
  identifier: string,
  reason: string | undefined,
): Promise<string> {
  const { user } = await findAccount(registry, identifier)
  await unlock(commandOrigin('users unlock'), registry, user, { reason })
  return `Unlocked ${printable(user.name)}.`
}
