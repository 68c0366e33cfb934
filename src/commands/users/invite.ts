import { parseArgs } from 'node:util'
import { invite } from '../../accounts/inviting.js'
import { withoutLimits } from '../../accounts/without-limits.js'
import { type Command, commandOrigin, parsed, UsageError, withRegistry } from '../command.js'
import { printable } from '../terminal.js'
import { throwErrors } from './find-user.js'

const options = { language: { type: 'string' } } as const

export const subcommand: Command = {
  name: 'invite',
  summary: 'Invite someone to sign up',
  help: `Usage: gatehouse users invite <email> [options]

Email a link to sign up, for sites with SIGNUP=invited. It works once, for 7
days. The address counts as confirmed. Inviting again replaces the link.

Options:
  --language <tag>  Language of the email, such as de

Example:
  gatehouse users invite anna@example.com`,
  async run(args) {
    const { values, positionals } = parsed(() =>
      parseArgs({ args: [...args], options, allowPositionals: true }),
    )
    const [email, ...others] = positionals
    if (email === undefined || others.length > 0) {
      throw new UsageError('Missing email address. Usage: gatehouse users invite <email>')
    }
    const { language } = values
    const origin = { ...commandOrigin('users invite'), ...(language !== undefined && { language }) }
    return withRegistry(async (site) => {
      const errors = await invite(origin, withoutLimits(site), email)
      if (errors.length > 0) throwErrors(errors)
      return `Invited ${printable(email)}. An email with a link to sign up is on its way.`
    })
  },
}
