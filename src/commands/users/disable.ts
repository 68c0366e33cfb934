import { parseArgs } from 'node:util'
import { disable } from '../../accounts/disabling.js'
import type { Registry } from '../../accounts/registry.js'
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
    return withRegistry((registry) => disableOne(registry, who, reason))
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

async function disableOne(registry: Registry, who: string, reason: string | undefined): Promise<string> {
  const { user } = await accountOf(registry, who)
  const outcome = await disable(commandOrigin('users disable'), registry, user.id, { reason })
  const name = printable(user.name)
  if (outcome === undefined) throw new Error(`The account of ${name} is disabled already.`)
  return `The account of ${name} is disabled; sessions that were ended: ${outcome.sessions}.`
}
