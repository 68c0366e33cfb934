#!/usr/bin/env node
import { type Alarm, type Command, UsageError } from './command.js'
import { command as backup } from './commands/backup.js'
import { command as check } from './commands/check.js'
import { command as copy } from './commands/copy.js'
import { command as keys } from './commands/keys.js'
import { command as mails } from './commands/mails.js'
import { command as migrate } from './commands/migrate.js'
import { command as restore } from './commands/restore.js'
import { command as templates } from './commands/templates.js'
import { command as users } from './commands/users.js'
import { printable, table } from './terminal.js'

/** What `gatehouse` can do for the maintainer: one file in `commands/` each. */
const commands: readonly Command[] = [users, mails, templates, migrate, copy, backup, restore, keys, check]

async function run([name, ...args]: readonly string[]): Promise<string | Alarm> {
  if (name === '--help' || name === '-h') return help()
  if (name === undefined) throw new UsageError('Say what to do: gatehouse --help lists it.')
  const command = commands.find((one) => one.name === name)
  if (command === undefined)
    throw new UsageError(`There is no gatehouse ${printable(name)}: gatehouse --help lists what there is.`)
  if (asksForHelp(args)) return usageOf(command, args)
  return command.run(args)
}

function help(): string {
  const list = table(
    [],
    commands.map(({ name, summary }) => [`  gatehouse ${name}`, summary]),
  )
  return ['Usage: gatehouse <command> [--help]', '', list].join('\n')
}

function usageOf({ parts = [], usage }: Command, [part]: readonly string[]): string {
  return parts.find(({ name }) => name === part)?.usage ?? usage
}

function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return args.slice(0, end === -1 ? args.length : end).some((arg) => arg === '--help' || arg === '-h')
}

// Whoever reads no further, like `head`, has had enough; that is no mistake.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})

run(process.argv.slice(2)).then(
  (answer) => {
    const { output, exitCode } = typeof answer === 'string' ? { output: answer, exitCode: 0 } : answer
    if (output !== '') process.stdout.write(`${output}\n`)
    process.exitCode = exitCode
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
    process.exitCode = error instanceof UsageError ? 2 : 1
  },
)
