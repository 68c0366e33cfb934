import { parseArgs } from 'node:util'
import { eraseByCommand, NotErased, stillReferred } from '../../accounts/erasing.js'
import { normalizeName } from '../../accounts/fields.js'
import type { Registry } from '../../accounts/registry.js'
import type * as users from '../../tables/users.js'
import { type Command, parsed, UsageError, withRegistry } from '../command.js'
import { ask, isAttended, printable } from '../terminal.js'
import { findAccount, USER_HELP, userArgument, userNotFound } from './find-user.js'

export const subcommand: Command = {
  name: 'delete',
  summary: 'Delete a user and all their data',
  help: `Usage: gatehouse users delete <user> [--yes]

Delete a user and all their data. This cannot be undone. The username and
email address become available again. Asks for the username first.

${USER_HELP}

Options:
  --yes  Do not ask. Needed where there is no terminal`,
  async run(args) {
    const { values, positionals } = parsed(() =>
      parseArgs({
        args: [...args],
        options: { yes: { type: 'boolean', default: false } },
        allowPositionals: true,
      }),
    )
    const identifier = userArgument(positionals, 'delete')
    if (!values.yes && !isAttended()) {
      throw new UsageError('There is no terminal to confirm in. Add --yes to delete without asking.')
    }
    return withRegistry((registry) => erase(registry, identifier, { isSure: values.yes }))
  },
}

async function erase(
  registry: Registry,
  identifier: string,
  { isSure }: { isSure: boolean },
): Promise<string> {
  const { user } = await findAccount(registry, identifier)
  if (!isSure) await confirm(user)
  const isErased = await eraseByCommand(registry, user.id).catch(async (error: unknown) => {
    throw error instanceof NotErased ? await stillReferred(registry, error, printable(user.name)) : error
  })
  if (!isErased) throw userNotFound(identifier)
  return `Deleted ${printable(user.name)}.`
}

async function confirm({ name, email }: users.User): Promise<void> {
  const who = email === null ? printable(name) : `${printable(name)} (${printable(email)})`
  const question = `This deletes ${who} for good. Type the username to confirm: `
  if (normalizeName(await ask(question)) !== name) {
    throw new Error('The username does not match. Nothing was deleted.')
  }
}
