import { parseArgs } from 'node:util'
import { enable } from '../../accounts/disabling.js'
import type { Registry } from '../../accounts/registry.js'
import { type Command, commandOrigin, parsed, withRegistry } from '../command.js'
import { printable } from '../terminal.js'
import { findAccount, USER_HELP, userArgument } from './find-user.js'

export const subcommand: Command = {
  name: 'enable',
  summary: 'Enable a disabled account again',
  help: `Usage: gatehouse users enable <user>

Let a disabled user log in again. Emailed links that have not expired work
again.

${USER_HELP}`,
  async run(args) {
    const { positionals } = parsed(() => parseArgs({ args: [...args], allowPositionals: true }))
    const identifier = userArgument(positionals, 'enable')
    return withRegistry((registry) => enableOne(registry, identifier))
  },
}

async function enableOne(registry: Registry, identifier: string): Promise<string> {
  const { user } = await findAccount(registry, identifier)
  const name = printable(user.name)
  if ((await enable(commandOrigin('users enable'), registry, user)) === undefined)
    throw new Error(`${name} is not disabled.`)
  return `Enabled ${name}.`
}
