import { parseArgs } from 'node:util'
import * as fields from '../../accounts/fields.js'
import { resetPassword } from '../../accounts/password.js'
import type { Registry } from '../../accounts/registry.js'
import type * as users from '../../tables/users.js'
import { type Command, commandOrigin, parsed, withRegistry } from '../command.js'
import { printable, readPassword } from '../terminal.js'
import { EMAILS_OFF, findAccount, throwErrors, USER_HELP, userArgument, userNotFound } from './find-user.js'

export const subcommand: Command = {
  name: 'reset',
  summary: 'Log a user out everywhere and ask for a new password',
  help: `Usage: gatehouse users reset <user> [--password-stdin]

Log a user out everywhere and make the password stop working. The user gets an
email with a link to choose a new one. Links to undo an email change or to
reopen a closed account keep working.

${USER_HELP}

Options:
  --password-stdin  Read the new password from standard input, or ask for it in
                    a terminal. The user gets an email`,
  async run(args) {
    const { values, positionals } = parsed(() =>
      parseArgs({
        args: [...args],
        options: { 'password-stdin': { type: 'boolean', default: false } },
        allowPositionals: true,
      }),
    )
    const identifier = userArgument(positionals, 'reset')
    const password = values['password-stdin'] ? await readPassword() : undefined
    return withRegistry((registry) => reset(registry, identifier, password))
  },
}

async function reset(registry: Registry, identifier: string, password: string | undefined): Promise<string> {
  const account = await findAccount(registry, identifier)
  const { user } = account
  refuseToReset(registry, account, password)
  const outcome = await resetPassword(commandOrigin('users reset'), registry, user, { password })
  if (outcome === undefined) throw userNotFound(identifier)
  const name = printable(user.name)
  const done =
    password === undefined
      ? `Reset the password of ${name}. An email with a link to choose a new password is on its way.`
      : `Set a new password for ${name}.`
  return `${done} Sessions ended: ${outcome.sessions}.`
}

function refuseToReset(
  { outbox, rules }: Registry,
  { user, disabledAt }: users.Account,
  password: string | undefined,
): void {
  const rule = fields.newPassword(rules, fields.ownTextsOf(user))
  if (password !== undefined) throwErrors(fields.check(rule, password))
  else if (!outbox.isOn) throw new Error(EMAILS_OFF)
  else if (user.email === null) {
    throw new Error(`${printable(user.name)} has no email address. Set a password with --password-stdin.`)
  } else if (disabledAt !== null) {
    throw new Error(
      `${printable(user.name)} is disabled, so no email would be sent. Enable the account first, or use --password-stdin.`,
    )
  }
}
