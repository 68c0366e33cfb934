import { parseArgs } from 'node:util'
import { confirmAddress } from '../../accounts/email-confirmation.js'
import type { Registry } from '../../accounts/registry.js'
import { withoutLimits } from '../../accounts/without-limits.js'
import { type Command, commandOrigin, parsed, withRegistry } from '../command.js'
import { printable } from '../terminal.js'
import { findAccount, USER_HELP, userArgument } from './find-user.js'

export const subcommand: Command = {
  name: 'confirm',
  summary: 'Treat the email address of a user as confirmed',
  help: `Usage: gatehouse users confirm <user>

Treat the email address as confirmed, without its link. Make sure first that
the mailbox is theirs: whoever reads it can reset the password.

${USER_HELP}`,
  async run(args) {
    const { positionals } = parsed(() => parseArgs({ args: [...args], allowPositionals: true }))
    const identifier = userArgument(positionals, 'confirm')
    return withRegistry((registry) => confirmOne(registry, identifier))
  },
}

async function confirmOne(registry: Registry, identifier: string): Promise<string> {
  const account = await findAccount(registry, identifier)
  const outcome = await confirmAddress(commandOrigin('users confirm'), withoutLimits(registry), { account })
  if (outcome === 'none') throw new Error(`${printable(account.user.name)} has no email address.`)
  const email = printable(account.user.email ?? '')
  if (outcome === 'before') throw new Error(`${email} is already confirmed.`)
  if (outcome === 'taken') throw new Error(`${email} belongs to another account.`)
  return `Confirmed ${email}, the email address of ${printable(account.user.name)}.`
}
