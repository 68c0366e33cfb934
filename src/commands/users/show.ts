import { parseArgs } from 'node:util'
import { exportedEvent, type Records, recordsOf, withDates } from '../../accounts/export.js'
import type { Registry } from '../../accounts/registry.js'
import * as events from '../../tables/events.js'
import { type Command, parsed, withRegistry } from '../command.js'
import { json, printable, table } from '../terminal.js'
import { findAccount, USER_HELP, userArgument } from './find-user.js'

const EVENTS = 20

export const subcommand: Command = {
  name: 'show',
  summary: 'Show everything stored about a user, except secrets',
  help: `Usage: gatehouse users show <user> [--json]

Show everything stored about a user, except secrets, and the latest ${EVENTS} events.

${USER_HELP}`,
  async run(args) {
    const { values, positionals } = parsed(() =>
      parseArgs({
        args: [...args],
        options: { json: { type: 'boolean', default: false } },
        allowPositionals: true,
      }),
    )
    const identifier = userArgument(positionals, 'show')
    return withRegistry((registry) => show(registry, identifier, { asJson: values.json }))
  },
}

async function show(
  registry: Registry,
  identifier: string,
  { asJson }: { asJson: boolean },
): Promise<string> {
  const { user } = await findAccount(registry, identifier)
  const found = await events.newest(registry.database.main, { userId: user.id, limit: EVENTS })
  const shown = { ...(await recordsOf(registry, user.id)), events: found.map(exportedEvent) }
  return asJson ? json(shown, withDates) : inWords(shown)
}

type Shown = Records & { events: ReturnType<typeof exportedEvent>[] }

function inWords({ account, ...others }: Shown): string {
  const ofAccount = table(
    [],
    Object.entries(account ?? {}).map(([key, value]) => [key, formatted(key, value)]),
  )
  const sections = Object.entries(others).map(([title, rows]) => section(title, rows))
  return [ofAccount, ...sections].join('\n\n')
}

function section(title: string, rows: readonly object[]): string {
  const [first] = rows
  if (first === undefined) return `${title}: none`
  const head = Object.keys(first)
  const cells = rows.map((row) => Object.entries(row).map(([key, value]) => formatted(key, value)))
  return `${title}:\n${table(head, cells)}`
}

function formatted(key: string, value: unknown): string {
  if (Array.isArray(value)) return printable(value.join(', ') || '-')
  return printable(String(withDates(key, value) ?? '-'))
}
