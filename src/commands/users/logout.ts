import { parseArgs } from 'node:util'
import { endSessions } from '../../accounts/ending-sessions.js'
import type { Registry } from '../../accounts/registry.js'
import { type Command, commandOrigin, understood, withRegistry } from '../command.js'
import { printable } from '../terminal.js'
import { accountOf, onlyOne, USER_HELP } from './who.js'

export const part: Command = {
  name: 'logout',
  summary: 'Log a user out everywhere',
  help: `Usage: gatehouse users logout <user>

End all sessions of a user and forget their devices. The password stays the
same.

${USER_HELP}`,
  async run(args) {
    const { positionals } = understood(() => parseArgs({ args: [...args], allowPositionals: true }))
    const who = onlyOne(positionals, 'logout')
    return withRegistry((registry) => logOutEverywhere(registry, who))
  },
}

async function logOutEverywhere(registry: Registry, who: string): Promise<string> {
  const { user } = await accountOf(registry, who)
  const ended = await endSessions(commandOrigin('users logout'), registry, user.id)
  return `Logged ${printable(user.name)} out everywhere. Sessions ended: ${ended?.sessions ?? 0}.`
}
