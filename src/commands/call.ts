import { errorText } from '../base/error-text.js'
import { version } from '../base/package.js'
import { type Alarm, type Command, missingCommand, UsageError, unknownCommand } from './command.js'
import { commands, help } from './index.js'

export async function call(args: readonly string[]): Promise<number> {
  try {
    const result = await run(args)
    const { output, exitCode } = typeof result === 'string' ? { output: result, exitCode: 0 } : result
    if (output !== '') process.stdout.write(`${output}\n`)
    return exitCode
  } catch (error) {
    process.stderr.write(`${errorText(error)}\n`)
    return error instanceof UsageError ? 2 : 1
  }
}

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

function helpOf({ subcommands = [], help }: Command, [subcommand]: readonly string[]): string {
  return subcommands.find(({ name }) => name === subcommand)?.help ?? help
}

function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return args.slice(0, end === -1 ? args.length : end).some((arg) => arg === '--help' || arg === '-h')
}
