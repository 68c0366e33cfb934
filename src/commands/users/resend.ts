import { parseArgs } from 'node:util'
import { sendConfirmation } from '../../accounts/email-by-operator.js'
import type { Registry } from '../../accounts/registry.js'
import { withoutLimits } from '../../accounts/without-limits.js'
import type { User } from '../../tables/users.js'
import { type Command, commandOrigin, parsed, withRegistry } from '../command.js'
import { printable } from '../terminal.js'
import { findAccount, USER_HELP, userArgument } from './find-user.js'

export const subcommand: Command = {
  name: 'resend',
  summary: 'Send the email that confirms the address again',
  help: `Usage: gatehouse users resend <user>

Send another email with a link to confirm the address. If a new address waits
to be confirmed, the email goes there.

${USER_HELP}`,
  async run(args) {
    const { positionals } = parsed(() => parseArgs({ args: [...args], allowPositionals: true }))
    const identifier = userArgument(positionals, 'resend')
    return withRegistry((registry) => resend(registry, identifier))
  },
}

function nothingToConfirm({ name, email }: User): string {
  return email === null
    ? `${printable(name)} has no email address.`
    : `${printable(email)} is already confirmed.`
}

async function resend(registry: Registry, identifier: string): Promise<string> {
  if (!registry.outbox.isOn) throw new Error('Emails are off (MAIL=off or EMAILS=none).')
  const { user } = await findAccount(registry, identifier)
  const to = await sendConfirmation(commandOrigin('users resend'), withoutLimits(registry), user)
  if (to === undefined) throw new Error(nothingToConfirm(user))
  return `An email to confirm the address is on its way to ${printable(to)}.`
}
