import { isReason, REASON_MAX } from '../../accounts/disabling.js'
import { loginKeyOf } from '../../accounts/fields.js'
import type { Registry } from '../../accounts/registry.js'
import * as users from '../../tables/users.js'
import { createTranslator } from '../../views/translator.js'
import type { FieldError } from '../../web/form.js'
import { UsageError } from '../command.js'
import { printable } from '../terminal.js'

export const USER_HELP = '<user> is a username, an email address or an id.'

const USER_ARGUMENT = '<username|email|id>'

export const EMAILS_OFF = 'Emails are off (MAIL=off or EMAILS=none). Set a password with --password-stdin.'

export function userArgument(positionals: readonly string[], verb: string): string {
  const [identifier, ...others] = positionals
  if (identifier !== undefined && others.length === 0) return identifier
  throw new UsageError(`Missing user. Usage: gatehouse users ${verb} ${USER_ARGUMENT}`)
}

export function userAndValue(positionals: readonly string[], verb: string, what: string): [string, string] {
  const [identifier, value, ...others] = positionals
  if (identifier !== undefined && value !== undefined && others.length === 0) return [identifier, value]
  throw new UsageError(`Missing user or ${what}. Usage: gatehouse users ${verb} ${USER_ARGUMENT} ${what}`)
}

export function reasonOf(text: string | undefined): string | undefined {
  const reason = text?.trim()
  if (reason === undefined || reason === '') return undefined
  if (!isReason(reason)) {
    throw new UsageError(`--reason must be one line of up to ${REASON_MAX} characters.`)
  }
  return reason
}

export async function findAccount(
  { database: { main } }: Registry,
  identifier: string,
): Promise<users.Account> {
  const account = (await users.byLogin(main, loginKeyOf(identifier))) ?? (await users.byId(main, identifier))
  if (account === undefined) throw userNotFound(identifier)
  return account
}

export function userNotFound(identifier: string): Error {
  return new Error(`No user found: ${printable(identifier)}.`)
}

export function throwErrors(errors: readonly FieldError[]): void {
  if (errors.length > 0) throw new Error(errors.map(createTranslator().sentence).join('\n'))
}
