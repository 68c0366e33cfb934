import { parseArgs } from 'node:util'
import { enable } from '../../accounts/disabling.js'
import type { Registry } from '../../accounts/registry.js'
import { type Command, commandOrigin, understood, withRegistry } from '../command.js'
import { printable } from '../terminal.js'
import { accountOf, onlyOne, USER_HELP } from './who.js'

export const part: Command = {
  name: 'enable',
  summary: 'Enable a disabled account again',
  help: `Usage: gatehouse users enable <user>

Let a disabled user log in again. Emailed links that have not expired work
again.

${USER_HELP}`,
  async run(args) {
    const { positionals } = understood(() => parseArgs({ args: [...args], allowPositionals: true }))
    const who = onlyOne(positionals, 'enable')
    return withRegistry((registry) => enableOne(registry, who))
  },
}

async function enableOne(registry: Registry, who: string): Promise<string> {
  const { user } = await accountOf(registry, who)
  const name = printable(user.name)
  if ((await enable(commandOrigin('users enable'), registry, user)) === undefined)
    throw new Error(`${name} is not disabled.`)
  return `Enabled ${name}.`
}
