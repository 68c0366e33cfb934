import { parseArgs } from 'node:util'
import { disable, REASON_MAX } from '../../accounts/disabling.js'
import type { Registry } from '../../accounts/registry.js'
import { type Command, commandOrigin, parsed, withRegistry } from '../command.js'
import { printable } from '../terminal.js'
import { findAccount, reasonOf, USER_HELP, userArgument } from './find-user.js'

export const subcommand: Command = {
  name: 'disable',
  summary: 'Log a user out everywhere and disable the account',
  help: `Usage: gatehouse users disable <user> [--reason <text>]

End all sessions of a user and block logins. Emailed links stop working and the
public page is hidden until the account is enabled again.

${USER_HELP}

Options:
  --reason <text>  Why, in one line of up to ${REASON_MAX} characters. It is kept in the
                   account activity, where the user can read it once enabled`,
  async run(args) {
    const { values, positionals } = parsed(() =>
      parseArgs({ args: [...args], options: { reason: { type: 'string' } }, allowPositionals: true }),
    )
    const identifier = userArgument(positionals, 'disable')
    const reason = reasonOf(values.reason)
    return withRegistry((registry) => disableOne(registry, identifier, reason))
  },
}

async function disableOne(
  registry: Registry,
  identifier: string,
  reason: string | undefined,
): Promise<string> {
  const { user } = await findAccount(registry, identifier)
  const outcome = await disable(commandOrigin('users disable'), registry, user.id, { reason })
  const name = printable(user.name)
  if (outcome === undefined) throw new Error(`${name} is already disabled.`)
  return `Disabled ${name}. Sessions ended: ${outcome.sessions}.`
}
