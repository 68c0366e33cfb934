import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { requestEmailChange } from '../../accounts/email-address.js'
import { setAddress } from '../../accounts/email-by-operator.js'
import { normalizeEmail } from '../../accounts/fields.js'
import type { Registry } from '../../accounts/registry.js'
import { withoutLimits } from '../../accounts/without-limits.js'
import { type Command, commandOrigin, parsed, withRegistry } from '../command.js'
import { printable } from '../terminal.js'
import { findAccount, throwErrors, USER_HELP, userAndValue } from './find-user.js'

const ORIGIN = commandOrigin('users email')

export const subcommand: Command = {
  name: 'email',
  summary: 'Change the email address of a user',
  help: `Usage: gatehouse users email <user> <address> [--confirmed]

Send a link to the new address, which replaces the current one once the link is
opened. The previous address, if it was confirmed, gets an email that can undo
the change for 7 days.

${USER_HELP}

Options:
  --confirmed  Change it now, and treat it as confirmed. Make sure first that
               you know who is asking: whoever reads the mailbox can reset the
               password`,
  async run(args) {
    const { values, positionals } = parsed(() =>
      parseArgs({
        args: [...args],
        options: { confirmed: { type: 'boolean', default: false } },
        allowPositionals: true,
      }),
    )
    const [identifier, typed] = userAndValue(positionals, 'email', '<address>')
    const email = normalizeEmail(typed)
    return withRegistry((registry) =>
      values.confirmed ? setNow(registry, identifier, email) : ask(registry, identifier, email),
    )
  },
}

async function setNow(registry: Registry, identifier: string, email: string): Promise<string> {
  const { user } = await findAccount(registry, identifier)
  throwErrors(await setAddress(ORIGIN, withoutLimits(registry), user, email))
  return `Changed the email address of ${printable(user.name)} to ${printable(email)}.`
}

async function ask(registry: Registry, identifier: string, email: string): Promise<string> {
  if (!registry.outbox.isOn) {
    throw new Error(
      'Emails are off (MAIL=off or EMAILS=none). Add --confirmed if you know that the address is right.',
    )
  }
  const { user } = await findAccount(registry, identifier)
  throwErrors(await requestEmailChange(ORIGIN, withoutLimits(registry), user, { email, form: randomUUID() }))
  return `An email is on its way to ${printable(email)}. It becomes the address of ${printable(user.name)} once its link is opened.`
}
