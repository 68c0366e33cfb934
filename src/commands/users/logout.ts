import { parseArgs } from 'node:util'
import { endSessions } from '../../accounts/ending-sessions.js'
import type { Registry } from '../../accounts/registry.js'
import { type Command, commandOrigin, parsed, withRegistry } from '../command.js'
import { printable } from '../terminal.js'
import { findAccount, USER_HELP, userArgument } from './find-user.js'

export const subcommand: Command = {
  name: 'logout',
  summary: 'Log a user out everywhere',
  help: `Usage: gatehouse users logout <user>

End all sessions of a user and forget their devices. The password stays the
same.

${USER_HELP}`,
  async run(args) {
    const { positionals } = parsed(() => parseArgs({ args: [...args], allowPositionals: true }))
    const identifier = userArgument(positionals, 'logout')
    return withRegistry((registry) => logOutEverywhere(registry, identifier))
  },
}

async function logOutEverywhere(registry: Registry, identifier: string): Promise<string> {
  const { user } = await findAccount(registry, identifier)
  const ended = await endSessions(commandOrigin('users logout'), registry, user.id)
  return `Logged ${printable(user.name)} out everywhere. Sessions ended: ${ended?.sessions ?? 0}.`
}
