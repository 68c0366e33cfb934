import { parseArgs } from 'node:util'
import { forgetTries } from '../../accounts/authentication.js'
import { happens } from '../../accounts/history.js'
import type { Registry } from '../../accounts/registry.js'
import * as sessions from '../../tables/sessions.js'
import * as users from '../../tables/users.js'
import { type Command, commandOrigin, understood, withRegistry } from '../command.js'
import { printable } from '../terminal.js'
import { accountOf, onlyOne, WHO } from './who.js'

export const part: Command = {
  name: 'enable',
  summary: 'lets a disabled user in again',
  usage: `gatehouse users enable ${WHO}
    Lets a disabled user log in again; mailed links that are not too old open again what they are for.`,
  async run(args) {
    const { positionals } = understood(() => parseArgs({ args: [...args], allowPositionals: true }))
    const who = onlyOne(positionals, 'enable')
    return withRegistry((registry) => enable(registry, who))
  },
}

async function enable(registry: Registry, who: string): Promise<string> {
  const { user } = await accountOf(registry, who)
  const now = registry.now()
  const happening = { kind: 'account_enabled', userId: user.id } as const
  const done = await happens(commandOrigin('users enable'), registry, happening, async (transaction) => {
    if (!(await users.enable(transaction, user.id, now))) return undefined
    // One that was opened while the account was being disabled was refused, and must not come to life now.
    await sessions.closeAll(transaction, user.id, { now })
    return true
  })
  const name = printable(user.name)
  if (done === undefined) throw new Error(`The account of ${name} is not disabled.`)
  await forgetTries(registry, user)
  return `The account of ${name} is enabled again.`
}
