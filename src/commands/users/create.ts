import { parseArgs } from 'node:util'
import { applicantOf, create, type NewAccount } from '../../accounts/registration.js'
import type { Registry } from '../../accounts/registry.js'
import { type Command, commandOrigin, parsed, UsageError, withRegistry } from '../command.js'
import { printable, readPassword } from '../terminal.js'
import { EMAILS_OFF, throwErrors } from './find-user.js'

const options = {
  confirmed: { type: 'boolean', default: false },
  'password-stdin': { type: 'boolean', default: false },
} as const

const MISSING = 'Missing username or email address. Usage: gatehouse users create <username> <email>'

export const subcommand: Command = {
  name: 'create',
  summary: 'Create an account',
  help: `Usage: gatehouse users create <username> [<email>] [options]

Create an account, with the same rules as sign-up. The user gets an email with
a link to choose a password. Leave out the email address only if accounts have
none (EMAILS=none).

Options:
  --confirmed       Treat the email address as confirmed
  --password-stdin  Read the password from standard input, or ask for it in a
                    terminal

Example:
  gatehouse users create Anna anna@example.com --confirmed`,
  async run(args) {
    const { values, positionals } = parsed(() =>
      parseArgs({ args: [...args], options, allowPositionals: true }),
    )
    const [username, email, ...others] = positionals
    if (username === undefined || others.length > 0) throw new UsageError(MISSING)
    const password = values['password-stdin'] ? await readPassword() : undefined
    return withRegistry((registry) => {
      if (email === undefined && registry.rules.emails === 'required') throw new UsageError(MISSING)
      const applicant = applicantOf(registry, { username, email })
      return createUser(registry, { ...applicant, password, isConfirmed: values.confirmed })
    })
  },
}

async function createUser(registry: Registry, candidate: NewAccount): Promise<string> {
  const { name, password, isConfirmed } = candidate
  if (password === undefined && !registry.outbox.isOn) {
    throw new Error(EMAILS_OFF)
  }
  const outcome = await create(commandOrigin('users create'), registry, candidate)
  if (!outcome.ok) throwErrors(outcome.errors)
  const made = `Created ${printable(name)}.`
  if (password === undefined) return `${made} An email with a link to choose a password is on its way.`
  return isConfirmed || !registry.outbox.isOn
    ? made
    : `${made} An email to confirm the address is on its way.`
}
