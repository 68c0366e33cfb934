import { parseArgs } from 'node:util'
import { withdrawInvitation } from '../accounts/inviting.js'
import type { Registry } from '../accounts/registry.js'
import { withoutLimits } from '../accounts/without-limits.js'
import * as invitations from '../tables/invitations.js'
import { type Command, commandOrigin, parsed, UsageError, unknownCommand, withRegistry } from './command.js'
import { json, printable, table } from './terminal.js'

const BATCH = 1000

const options = { json: { type: 'boolean', default: false } } as const

export const command: Command = {
  name: 'invitations',
  summary: 'List open invitations, and withdraw one',
  help: `Usage: gatehouse invitations [--json]
       gatehouse invitations withdraw <email>

List invitations to sign up that were not used yet, with who sent them.
withdraw makes a link stop working. gatehouse users invite sends one.`,
  async run(args) {
    const { values, positionals } = parsed(() =>
      parseArgs({ args: [...args], options, allowPositionals: true }),
    )
    const [verb, email, ...others] = positionals
    if (verb === undefined) return withRegistry((registry) => list(registry, { asJson: values.json }))
    if (verb !== 'withdraw') throw unknownCommand('gatehouse invitations', verb)
    if (email === undefined || others.length > 0 || values.json) {
      throw new UsageError('Missing email address. Usage: gatehouse invitations withdraw <email>')
    }
    return withRegistry((registry) => withdraw(registry, email))
  },
}

async function list(registry: Registry, { asJson }: { asJson: boolean }): Promise<string> {
  const open = await allOpen(registry)
  if (asJson) {
    return json(
      open.map(({ email, invitedBy: by, createdAt, expiresAt }) => ({
        ...{ email, by, createdAt: iso(createdAt), expiresAt: iso(expiresAt) },
      })),
    )
  }
  if (open.length === 0) return 'No invitations are open.'
  return table(
    ['EMAIL ADDRESS', 'BY', 'SENT', 'EXPIRES'],
    open.map((one) => [one.email, one.byName ?? one.invitedBy, iso(one.createdAt), iso(one.expiresAt)]),
  )
}

async function allOpen({ database, now }: Registry): Promise<invitations.OpenInvitation[]> {
  const all: invitations.OpenInvitation[] = []
  for (;;) {
    const after = all.at(-1)?.key
    const some = await invitations.open(database.main, { now: now(), after, limit: BATCH })
    all.push(...some)
    if (some.length < BATCH) return all
  }
}

function iso(at: number): string {
  return new Date(at).toISOString()
}

async function withdraw(registry: Registry, email: string): Promise<string> {
  const origin = commandOrigin('invitations withdraw')
  if (!(await withdrawInvitation(origin, withoutLimits(registry), email))) {
    throw new Error(`There is no invitation for ${printable(email)}. Run gatehouse invitations for a list.`)
  }
  return `The invitation for ${printable(email)} no longer works.`
}
