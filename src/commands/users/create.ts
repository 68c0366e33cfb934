import { parseArgs } from 'node:util'
import { happens } from '../../accounts/history.js'
import { type Applicant, applicantOf, claimOf, lostRace, objections } from '../../accounts/registration.js'
import type { Registry } from '../../accounts/registry.js'
import { isTaken } from '../../database/constraints.js'
import { hashOne } from '../../secrets/password.js'
import type { Db } from '../../tables/schema.js'
import * as users from '../../tables/users.js'
import { type Command, commandOrigin, UsageError, understood, withRegistry } from '../command.js'
import { printable, readPassword } from '../terminal.js'
import { NO_MAILS, refuse } from './who.js'

const options = {
  confirmed: { type: 'boolean', default: false },
  'password-stdin': { type: 'boolean', default: false },
} as const

export const part: Command = {
  name: 'create',
  summary: 'makes an account, by the rules of the sign-up',
  usage: `gatehouse users create <name> <e-mail> [--confirmed] [--password-stdin]
    Makes an account, by the rules of the sign-up. Its user chooses a password by the link of a mail; with
    --password-stdin it is read from standard input. With --confirmed the address counts as confirmed.`,
  async run(args) {
    const { values, positionals } = understood(() =>
      parseArgs({ args: [...args], options, allowPositionals: true }),
    )
    const [username, email, ...others] = positionals
    if (username === undefined || email === undefined || others.length > 0) {
      throw new UsageError('Say who: gatehouse users create <name> <e-mail>.')
    }
    const password = values['password-stdin'] ? await readPassword() : undefined
    const applicant = { ...applicantOf({ username, email }), password, isConfirmed: values.confirmed }
    return withRegistry((registry) => create(registry, applicant))
  },
}

interface Candidate extends Applicant {
  password: string | undefined
  isConfirmed: boolean
}

async function create(registry: Registry, candidate: Candidate): Promise<string> {
  const { name, password, isConfirmed } = candidate
  if (password === undefined && !registry.outbox.isOn) {
    throw new Error(NO_MAILS)
  }
  // Whose address is in use is no secret to the maintainer.
  const open = { ...registry, rules: { ...registry.rules, privateEmails: false } }
  refuse(await objections(open, candidate))
  if (!(await store(registry, candidate))) refuse(await lostRace(open, candidate))
  const made = `${printable(name)} has an account`
  if (password === undefined) return `${made}; a mail with a link to choose a password is on its way.`
  return isConfirmed || !registry.outbox.isOn
    ? `${made}.`
    : `${made}; a mail to confirm the address is on its way.`
}

/** Answers false if somebody was faster. */
async function store(
  registry: Registry,
  { password, isConfirmed, ...applicant }: Candidate,
): Promise<boolean> {
  const { id, email, emailKey } = applicant
  const now = registry.now()
  const passwordHash = password === undefined ? '' : await hashOne(password)
  const user = { ...applicant, ...claimOf(registry, applicant), passwordHash, signupForm: '', createdAt: now }
  const happening = { kind: 'signed_up', userId: id } as const
  try {
    const created = await happens(commandOrigin('users create'), registry, happening, async (transaction) => {
      if (!(await users.create(transaction, user))) return undefined
      if (isConfirmed) await users.confirmEmail(transaction, id, { email, emailKey, now })
      await write(registry, transaction, { id, hasPassword: password !== undefined, isConfirmed })
      return true
    })
    return created ?? false
  } catch (error) {
    if (isTaken(error)) return false
    throw error
  }
}

// Whoever chooses a password by the link of a mail has confirmed the address by that.
async function write(
  { outbox }: Registry,
  transaction: Db,
  { id, hasPassword, isConfirmed }: { id: string; hasPassword: boolean; isConfirmed: boolean },
): Promise<void> {
  if (!hasPassword) return outbox.post(transaction, { kind: 'password-reset', userId: id })
  if (!isConfirmed) await outbox.post(transaction, { kind: 'email-confirm', userId: id })
}
