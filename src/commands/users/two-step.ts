import { parseArgs } from 'node:util'
import type { Registry } from '../../accounts/registry.js'
import { lostOf } from '../../accounts/second-lost.js'
import { turnOff } from '../../accounts/two-step.js'
import * as apps from '../../tables/authenticator-apps.js'
import * as recovery from '../../tables/recovery-codes.js'
import type { Account, User } from '../../tables/users.js'
import { type Command, commandOrigin, parsed, withRegistry } from '../command.js'
import { printable } from '../terminal.js'
import { findAccount, USER_HELP, userArgument } from './find-user.js'

export const subcommand: Command = {
  name: 'two-step',
  summary: 'Show two-step verification of a user, or turn it off',
  help: `Usage: gatehouse users two-step <user> [--off]

Show whether two-step verification is on. Turn it off for a user who lost the
authenticator app, the recovery codes and the passkeys. Make sure first that
you know who is asking: afterwards the password alone opens the account.

${USER_HELP}

Options:
  --off  Turn it off, delete the app, the codes and the passkeys, and log the
         user out everywhere. The user gets an email`,
  async run(args) {
    const { values, positionals } = parsed(() =>
      parseArgs({
        args: [...args],
        options: { off: { type: 'boolean', default: false } },
        allowPositionals: true,
      }),
    )
    const identifier = userArgument(positionals, 'two-step')
    return withRegistry(async (registry) => {
      const account = await findAccount(registry, identifier)
      return values.off ? end(registry, account) : show(registry, account.user)
    })
  },
}

async function show(registry: Registry, user: User): Promise<string> {
  const { id, name, secondStepAt } = user
  const { main } = registry.database
  const about = `Two-step verification of ${printable(name)} is`
  if (secondStepAt === null) return `${about} off.`
  const app = await apps.ofUser(main, id)
  const used = app?.usedAt == null ? 'not used since' : `last used ${dateOf(app.usedAt)}`
  const { left = 0, all = 0 } = (await recovery.countOf(main, id)) ?? {}
  const lost = lostOf(registry, user)
  return [
    `${about} on since ${dateOf(secondStepAt)}.`,
    app === undefined
      ? 'No authenticator app.'
      : `Authenticator app: set up ${dateOf(app.createdAt)}, ${used}.`,
    `Recovery codes left: ${left} of ${all}.`,
    ...(lost ? [`Asked by email to turn it off: possible without a code from ${dateOf(lost.endsAt)}.`] : []),
  ].join('\n')
}

function dateOf(time: number): string {
  return new Date(time).toISOString()
}

async function end(registry: Registry, { user, passwordHash }: Account): Promise<string> {
  const outcome = await turnOff(commandOrigin('users two-step'), registry, user)
  const name = printable(user.name)
  if (outcome === undefined) throw new Error(`Two-step verification of ${name} is already off.`)
  const done = `Turned off two-step verification of ${name}. Sessions ended: ${outcome.sessions}.`
  return passwordHash === '' ? `${done} There is no password. Run gatehouse users reset.` : done
}
