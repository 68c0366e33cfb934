import { loginKeyOf } from '../../accounts/fields.js'
import type { Registry } from '../../accounts/registry.js'
import * as users from '../../tables/users.js'
import { createWords } from '../../views/translator.js'
import type { Broken } from '../../web/form.js'
import { UsageError } from '../command.js'
import { printable } from '../terminal.js'

export const USER_HELP = '<user> is a username, an email address or an id.'

const WHO = '<username|email|id>'

export const NO_MAILS = 'Emails are off (MAIL=off). Set a password with --password-stdin.'

export function onlyOne(positionals: readonly string[], verb: string): string {
  const [who, ...others] = positionals
  if (who !== undefined && others.length === 0) return who
  throw new UsageError(`Missing user. Usage: gatehouse users ${verb} ${WHO}`)
}

export async function accountOf({ database: { main } }: Registry, who: string): Promise<users.Account> {
  const account = (await users.byLogin(main, loginKeyOf(who))) ?? (await users.byId(main, who))
  if (account === undefined) throw nobody(who)
  return account
}

export function nobody(who: string): Error {
  return new Error(`No user found: ${printable(who)}.`)
}

export function refuse(errors: readonly Broken[]): void {
  if (errors.length > 0) throw new Error(errors.map(createWords().sentence).join('\n'))
}
