import { parseArgs } from 'node:util'
import { forgetTries } from '../../accounts/authentication.js'
import { commanded } from '../../accounts/history.js'
import * as sessions from '../../tables/sessions.js'
import * as users from '../../tables/users.js'
import { type Command, inOffice, type Office, understood } from '../command.js'
import { printable } from '../terminal.js'
import { accountOf, byCommand, onlyOne, WHO } from './who.js'

export const part: Command = {
  name: 'enable',
  summary: 'lets a disabled user in again',
  usage: `gatehouse users enable ${WHO}
    Lets a disabled user log in again; mailed links that are not too old open again what they are for.`,
  async run(args) {
    const { positionals } = understood(() => parseArgs({ args: [...args], allowPositionals: true }))
    const who = onlyOne(positionals, 'enable')
    return inOffice((office) => enable(office, who))
  },
}

async function enable(office: Office, who: string): Promise<string> {
  const { user } = await accountOf(office, who)
  const now = office.now()
  const happening = { by: byCommand('enable'), kind: 'account_enabled', userId: user.id } as const
  const done = await commanded(office, happening, async (transaction) => {
    if (!(await users.enable(transaction, user.id, now))) return undefined
    // One that was opened while the account was being disabled was refused, and must not come to life now.
    await sessions.closeAll(transaction, user.id, { now })
    return true
  })
  const name = printable(user.name)
  if (done === undefined) throw new Error(`The account of ${name} is not disabled.`)
  await forgetTries(office, user)
  return `The account of ${name} is enabled again.`
}
