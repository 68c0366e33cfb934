#!/usr/bin/env node
import { errorText } from './base/error-text.js'
import { version } from './base/package.js'
import { type Alarm, type Command, UsageError } from './commands/command.js'
import { printable, table } from './commands/terminal.js'

const commands = new Map<string, () => Promise<{ command: Command }>>([
  ['users', () => import('./commands/users.js')],
  ['sessions', () => import('./commands/sessions.js')],
  ['mails', () => import('./commands/mails.js')],
  ['templates', () => import('./commands/templates.js')],
  ['migrate', () => import('./commands/migrate.js')],
  ['copy', () => import('./commands/copy.js')],
  ['backup', () => import('./commands/backup.js')],
  ['restore', () => import('./commands/restore.js')],
  ['keys', () => import('./commands/keys.js')],
  ['check', () => import('./commands/check.js')],
])

async function run([name, ...args]: readonly string[]): Promise<string | Alarm> {
  if (name === '--help' || name === '-h') return help()
  if (name === '--version') return version
  if (name === undefined) throw new UsageError('Say what to do: gatehouse --help lists it.')
  const load = commands.get(name)
  if (load === undefined)
    throw new UsageError(`There is no gatehouse ${printable(name)}: gatehouse --help lists what there is.`)
  const { command } = await load()
  if (asksForHelp(args)) return usageOf(command, args)
  return command.run(args)
}

async function help(): Promise<string> {
  const all = await Promise.all([...commands.values()].map((load) => load()))
  const list = table(
    [],
    all.map(({ command: { name, summary } }) => [`  gatehouse ${name}`, summary]),
  )
  return ['Usage: gatehouse <command> [--help]', '       gatehouse --version', '', list].join('\n')
}

function usageOf({ parts = [], usage }: Command, [part]: readonly string[]): string {
  return parts.find(({ name }) => name === part)?.usage ?? usage
}

function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return args.slice(0, end === -1 ? args.length : end).some((arg) => arg === '--help' || arg === '-h')
}

// A reader such as `head` may close the pipe early. That is not an error.
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
    process.stderr.write(`${errorText(error)}\n`)
    process.exitCode = error instanceof UsageError ? 2 : 1
  },
)
