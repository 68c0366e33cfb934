import { parseArgs } from 'node:util'
import type { Registry } from '../../accounts/registry.js'
import { addRole, isRole, ROLE_RULE, removeRole } from '../../accounts/roles.js'
import { type Command, commandOrigin, parsed, UsageError, withRegistry } from '../command.js'
import { printable } from '../terminal.js'
import { findAccount, USER_HELP } from './find-user.js'

const USAGE = 'Usage: gatehouse users role <user> add|remove <role>'

export const subcommand: Command = {
  name: 'role',
  summary: 'Give a user a role, or take one away',
  help: `${USAGE}

Give a user a role, or take one away. The role admin opens the admin pages.
Other roles mean something to your app only. A change takes effect at the
user's next request. The role of the only admin cannot be taken away.

${USER_HELP}
<role> is ${ROLE_RULE}.

Example:
  gatehouse users role anna add admin`,
  async run(args) {
    const { positionals } = parsed(() => parseArgs({ args: [...args], allowPositionals: true }))
    const [identifier, verb, role, ...others] = positionals
    if (identifier === undefined || role === undefined || others.length > 0)
      throw new UsageError(`Missing user, add or remove, or role. ${USAGE}`)
    if (verb !== 'add' && verb !== 'remove') throw new UsageError(`Use add or remove. ${USAGE}`)
    if (!isRole(role)) throw new UsageError(`A role must be ${ROLE_RULE}.`)
    return withRegistry((registry) => (verb === 'add' ? give : take)(registry, identifier, role))
  },
}

const origin = commandOrigin('users role')

async function give(registry: Registry, identifier: string, role: string): Promise<string> {
  const { user } = await findAccount(registry, identifier)
  const name = printable(user.name)
  if (await addRole(origin, registry, user.id, role)) return `${name} now has the role ${role}.`
  throw new Error(`${name} already has the role ${role}.`)
}

async function take(registry: Registry, identifier: string, role: string): Promise<string> {
  const { user } = await findAccount(registry, identifier)
  const name = printable(user.name)
  if (await removeRole(origin, registry, user.id, role)) return `${name} no longer has the role ${role}.`
  throw new Error(`${name} does not have the role ${role}.`)
}
