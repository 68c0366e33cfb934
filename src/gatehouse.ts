#!/usr/bin/env node
import { type Alarm, type Command, UsageError } from './command.js'
import { command as mails } from './commands/mails.js'
import { command as templates } from './commands/templates.js'

/** What `gatehouse` can do for the maintainer: one file in `commands/` each. */
const commands: readonly Command[] = [mails, templates]

async function run([name, ...args]: readonly string[]): Promise<string | Alarm> {
  if (name === '--help' || name === '-h') return help()
  if (name === undefined) throw new UsageError('Say what to do: gatehouse --help lists it.')
  const command = commands.find((one) => one.name === name)
  if (command === undefined)
    throw new UsageError(`There is no gatehouse ${name}: gatehouse --help lists what there is.`)
  if (asksForHelp(args)) return command.usage
  return command.run(args)
}

function help(): string {
  const list = commands.map(({ name, summary }) => `  gatehouse ${name}    ${summary}`)
  return ['Usage: gatehouse <command> [--help]', '', ...list].join('\n')
}

function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return args.slice(0, end === -1 ? args.length : end).some((arg) => arg === '--help' || arg === '-h')
}

run(process.argv.slice(2)).then(
  (answer) => {
    const { output, exitCode } = typeof answer === 'string' ? { output: answer, exitCode: 0 } : answer
    process.stdout.write(`${output}\n`)
    process.exitCode = exitCode
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
    process.exitCode = error instanceof UsageError ? 2 : 1
  },
)
