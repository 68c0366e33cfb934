import { parseArgs } from 'node:util'
import { forgetTries } from '../../accounts/authentication.js'
import * as fields from '../../accounts/fields.js'
import { happens } from '../../accounts/history.js'
import type { Registry } from '../../accounts/registry.js'
import { hashOne } from '../../secrets/password.js'
import { newDeviceStamp } from '../../secrets/token.js'
import * as mails from '../../tables/mails.js'
import type { Db } from '../../tables/schema.js'
import * as sessions from '../../tables/sessions.js'
import * as tokens from '../../tables/tokens.js'
import * as users from '../../tables/users.js'
import { type Command, commandOrigin, understood, withRegistry } from '../command.js'
import { printable, readPassword } from '../terminal.js'
import { accountOf, NO_MAILS, nobody, onlyOne, refuse, WHO } from './who.js'

export const part: Command = {
  name: 'reset',
  summary: 'logs a user out everywhere, and voids the password',
  usage: `gatehouse users reset ${WHO} [--password-stdin]
    Logs the user out everywhere and voids the password; a mail brings a link to choose a new one.
    With --password-stdin the new one is read from standard input, and its owner is told by mail. What the owner may yet
    undo, they may still.`,
  async run(args) {
    const { values, positionals } = understood(() =>
      parseArgs({
        args: [...args],
        options: { 'password-stdin': { type: 'boolean', default: false } },
        allowPositionals: true,
      }),
    )
    const who = onlyOne(positionals, 'reset')
    const password = values['password-stdin'] ? await readPassword() : undefined
    return withRegistry((registry) => reset(registry, who, password))
  },
}

const ENDED = ['password-reset', 'email-change', 'email-confirm'] as const

async function reset(registry: Registry, who: string, password: string | undefined): Promise<string> {
  const account = await accountOf(registry, who)
  const { user } = account
  refuseToReset(registry, account, password)
  const now = registry.now()
  const passwordHash = password === undefined ? '' : await hashOne(password)
  const happening = { kind: 'password_reset', userId: user.id } as const
  const ended = await happens(commandOrigin('users reset'), registry, happening, async (transaction) => {
    const change = { passwordHash, deviceStamp: newDeviceStamp(), now }
    if (!(await users.setPassword(transaction, user.id, change))) return undefined
    await users.setNextEmail(transaction, user.id, { nextEmail: null, now })
    await tokens.revoke(transaction, user.id, ENDED)
    await mails.cancel(transaction, user.id, ENDED)
    await write(registry, transaction, user, { isChosen: password !== undefined })
    return sessions.closeAll(transaction, user.id, { now })
  })
  if (ended === undefined) throw nobody(who)
  await forgetTries(registry, user)
  const next =
    password === undefined ? 'a mail with a link to choose a new one is on its way' : 'a new one is set'
  return `The password of ${printable(user.name)} is void, and ${next}; sessions that were ended: ${ended}.`
}

function refuseToReset(
  { outbox, rules }: Registry,
  { user, disabledAt }: users.Account,
  password: string | undefined,
): void {
  const asked = fields.newPassword(rules, [user.name, user.email])
  if (password !== undefined) refuse(fields.check(asked, password))
  else if (!outbox.isOn) throw new Error(NO_MAILS)
  else if (disabledAt !== null) {
    throw new Error(`The account of ${printable(user.name)} is disabled, so no mail is sent to it.`)
  }
}

async function write(
  { outbox, now }: Registry,
  transaction: Db,
  { id, email }: users.User,
  { isChosen }: { isChosen: boolean },
): Promise<void> {
  if (!isChosen) return outbox.post(transaction, { kind: 'password-reset', userId: id })
  const facts = { to: email, at: now(), browser: 'gatehouse users reset', system: '', address: '' }
  await outbox.post(transaction, { kind: 'password-changed', userId: id, facts })
}
