import { parseArgs } from 'node:util'
import { happens } from '../../accounts/history.js'
import type { Registry } from '../../accounts/registry.js'
import { newDeviceStamp } from '../../secrets/token.js'
import * as sessions from '../../tables/sessions.js'
import * as users from '../../tables/users.js'
import { type Command, commandOrigin, understood, withRegistry } from '../command.js'
import { printable } from '../terminal.js'
import { accountOf, onlyOne, WHO } from './who.js'

export const part: Command = {
  name: 'logout',
  summary: 'logs a user out everywhere',
  usage: `gatehouse users logout ${WHO}
    Ends all sessions of a user and forgets their devices. The password stays as it is.`,
  async run(args) {
    const { positionals } = understood(() => parseArgs({ args: [...args], allowPositionals: true }))
    const who = onlyOne(positionals, 'logout')
    return withRegistry((registry) => logOutEverywhere(registry, who))
  },
}

async function logOutEverywhere(registry: Registry, who: string): Promise<string> {
  const { user } = await accountOf(registry, who)
  const happening = { kind: 'sessions_ended', userId: user.id } as const
  const ended = await happens(commandOrigin('users logout'), registry, happening, async (transaction) => {
    await users.setDeviceStamp(transaction, user.id, newDeviceStamp())
    return sessions.closeAll(transaction, user.id, { now: registry.now() })
  })
  return `${printable(user.name)} is logged out everywhere; sessions that were ended: ${ended}.`
}
