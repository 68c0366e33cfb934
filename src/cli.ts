#!/usr/bin/env node
import { readAppFile } from './app-file.js'
import { errorText } from './base/error-text.js'
import { version } from './base/package.js'
import { type Alarm, type Command, missingCommand, UsageError, unknownCommand } from './commands/command.js'
import { commands, help } from './commands/index.js'
import { lookForApp } from './commands/settings.js'

async function run([name, ...args]: readonly string[]): Promise<string | Alarm> {
  if (name === '--help' || name === '-h') return help()
  if (name === '--version') return version
  if (name === undefined) throw missingCommand('gatehouse')
  const load = commands.get(name)
  if (load === undefined) throw unknownCommand('gatehouse', name)
  const { command } = await load()
  if (asksForHelp(args)) return helpOf(command, args)
  return command.run(args)
}

function helpOf({ parts = [], help }: Command, [part]: readonly string[]): string {
  return parts.find(({ name }) => name === part)?.help ?? help
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

lookForApp(readAppFile)
run(process.argv.slice(2)).then(
  (result) => {
    const { output, exitCode } = typeof result === 'string' ? { output: result, exitCode: 0 } : result
    if (output !== '') process.stdout.write(`${output}\n`)
    process.exitCode = exitCode
  },
  (error: unknown) => {
    process.stderr.write(`${errorText(error)}\n`)
    process.exitCode = error instanceof UsageError ? 2 : 1
  },
)
