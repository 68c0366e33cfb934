import { parseArgs } from 'node:util'
import { happens } from '../../accounts/history.js'
import type { Registry } from '../../accounts/registry.js'
import { newDeviceStamp } from '../../secrets/token.js'
import * as mails from '../../tables/mails.js'
import * as sessions from '../../tables/sessions.js'
import * as users from '../../tables/users.js'
import { type Command, commandOrigin, UsageError, understood, withRegistry } from '../command.js'
import { printable } from '../terminal.js'
import { accountOf, onlyOne, WHO } from './who.js'

const REASON_MAX = 200

export const part: Command = {
  name: 'disable',
  summary: 'logs a user out everywhere, and lets nobody in any more',
  usage: `gatehouse users disable ${WHO} [--reason <text>]
    Ends every session at once, and lets nobody in any more. Mailed links open nothing, and the public page is gone.
    The reason stands in the history, which its user can read once the account is enabled again.`,
  async run(args) {
    const { values, positionals } = understood(() =>
      parseArgs({ args: [...args], options: { reason: { type: 'string' } }, allowPositionals: true }),
    )
    const who = onlyOne(positionals, 'disable')
    const reason = reasonOf(values.reason)
    return withRegistry((registry) => disable(registry, who, reason))
  },
}

function reasonOf(text: string | undefined): string | undefined {
  const reason = text?.trim()
  if (reason === undefined || reason === '') return undefined
  if ([...reason].length > REASON_MAX || printable(reason) !== reason) {
    throw new UsageError(`The reason has to be one line of at most ${REASON_MAX} characters.`)
  }
  return reason
}

async function disable(registry: Registry, who: string, reason: string | undefined): Promise<string> {
  const { user } = await accountOf(registry, who)
  const now = registry.now()
  const happening = {
    kind: 'account_disabled',
    userId: user.id,
    ...(reason !== undefined && { about: reason }),
  } as const
  const ended = await happens(commandOrigin('users disable'), registry, happening, async (transaction) => {
    if (!(await users.disable(transaction, user.id, now))) return undefined
    // What had found its reader before would be tried again, whoever that is.
    await mails.cancel(transaction, user.id, ['password-reset', 'email-confirm', 'email-change'])
    await users.setDeviceStamp(transaction, user.id, newDeviceStamp())
    return sessions.closeAll(transaction, user.id, { now })
  })
  const name = printable(user.name)
  if (ended === undefined) throw new Error(`The account of ${name} is disabled already.`)
  return `The account of ${name} is disabled; sessions that were ended: ${ended}.`
}
