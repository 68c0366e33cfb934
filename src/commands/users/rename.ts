import { parseArgs } from 'node:util'
import type { Registry } from '../../accounts/registry.js'
import { rename, wantedName } from '../../accounts/username.js'
import { withoutLimits } from '../../accounts/without-limits.js'
import { type Command, commandOrigin, parsed, withRegistry } from '../command.js'
import { printable } from '../terminal.js'
import { findAccount, throwErrors, USER_HELP, userAndValue } from './find-user.js'

export const subcommand: Command = {
  name: 'rename',
  summary: 'Change the username of a user',
  help: `Usage: gatehouse users rename <user> <username>

Change the username, with the same rules as on the username page. The previous
public page leads to the new one for 90 days. The user gets an email.

${USER_HELP}`,
  async run(args) {
    const { positionals } = parsed(() => parseArgs({ args: [...args], allowPositionals: true }))
    const [identifier, username] = userAndValue(positionals, 'rename', '<username>')
    return withRegistry((registry) => renameOne(registry, identifier, username))
  },
}

async function renameOne(registry: Registry, identifier: string, username: string): Promise<string> {
  const { user } = await findAccount(registry, identifier)
  const wanted = wantedName(username)
  throwErrors(await rename(commandOrigin('users rename'), withoutLimits(registry), user, wanted))
  return `Renamed ${printable(user.name)} to ${printable(wanted.name)}.`
}
