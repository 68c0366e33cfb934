import { parseArgs } from 'node:util'
import { commanded } from '../../accounts/history.js'
import * as sessions from '../../tables/sessions.js'
import * as users from '../../tables/users.js'
import { newDeviceStamp } from '../../visitor/known-devices.js'
import { type Command, inOffice, type Office, understood } from '../command.js'
import { printable } from '../terminal.js'
import { accountOf, byCommand, onlyOne, WHO } from './who.js'

export const part: Command = {
  name: 'logout',
  summary: 'logs a user out everywhere',
  usage: `gatehouse users logout ${WHO}
    Ends all sessions of a user and forgets their devices. The password stays as it is.`,
  async run(args) {
    const { positionals } = understood(() => parseArgs({ args: [...args], allowPositionals: true }))
    const who = onlyOne(positionals, 'logout')
    return inOffice((office) => logOutEverywhere(office, who))
  },
}

async function logOutEverywhere(office: Office, who: string): Promise<string> {
  const { user } = await accountOf(office, who)
  const happening = { by: byCommand('logout'), kind: 'sessions_ended', userId: user.id } as const
  const ended = await commanded(office, happening, async (transaction) => {
    await users.setDeviceStamp(transaction, user.id, newDeviceStamp())
    return sessions.closeAll(transaction, user.id, { now: office.now() })
  })
  return `${printable(user.name)} is logged out everywhere; sessions that were ended: ${ended}.`
}
