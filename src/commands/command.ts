import { existsSync } from 'node:fs'
import { createEvents, type OnEvent } from '../accounts/events.js'
import { type Hooks, listener, loadHooks } from '../accounts/hooks.js'
import { LIFETIMES } from '../accounts/lifetimes.js'
import { LIMITS } from '../accounts/limit-rules.js'
import { createLimits } from '../accounts/limits.js'
import type { Origin } from '../accounts/origin.js'
import { LOST_WAIT, type Registry, type Rules, SECOND_OPTIONAL, siteWordsOf } from '../accounts/registry.js'
import { errorText } from '../base/error-text.js'
import { isPackage } from '../base/package.js'
import { createOutbox } from '../mail/outbox.js'
import { APP_SECRETS } from '../secrets/authenticator.js'
import { createCipher } from '../secrets/cipher.js'
import { createCodes } from '../secrets/code-mac.js'
import { siteKeys } from '../secrets/key-file.js'
import { createKeyring } from '../secrets/keyring.js'
import { createPasswords, hashOne } from '../secrets/password.js'
import { createPseudonym } from '../secrets/pseudonym.js'
import type { Config } from '../server/config.js'
import { openDatabase } from '../tables/schema.js'
import { createLog } from '../web/log.js'
import { readSettings } from './settings.js'
import { printable, table } from './terminal.js'

export interface Command {
  name: string
  summary: string
  help: string
  /** Returns the text for standard output, or '' if it wrote everything itself. Throws `UsageError` for exit code 2. */
  run(args: readonly string[]): Promise<string | Alarm>
  subcommands?: readonly Command[]
}

/** The command succeeded, but found a problem for the operator. Exit code 1 is for scheduled checks. */
export interface Alarm {
  output: string
  exitCode: 1
}

interface CommandGroup extends Required<Pick<Command, 'name' | 'summary' | 'subcommands'>> {
  intro: string
}

export function commandOf({ name, summary, intro, subcommands }: CommandGroup): Command {
  const call = `gatehouse ${name}`
  return {
    name,
    summary,
    subcommands,
    help: `Usage: ${call} <command> [options]

${intro}

Commands:
${listOf(subcommands)}

${call} <command> --help shows the options of a command.`,
    async run([verb, ...args]) {
      const subcommand = subcommands.find((one) => one.name === verb)
      if (subcommand !== undefined) return subcommand.run(args)
      throw verb === undefined ? missingCommand(call) : unknownCommand(call, verb)
    },
  }
}

export function listOf(commands: readonly Pick<Command, 'name' | 'summary'>[]): string {
  return table(
    [],
    commands.map(({ name, summary }) => [`  ${name}`, summary]),
  )
}

export function missingCommand(call: string): UsageError {
  return new UsageError(`Missing command. Run ${call} --help for a list.`)
}

export function unknownCommand(call: string, verb: string): UsageError {
  return new UsageError(`Unknown command: ${call} ${printable(verb)}. Run ${call} --help for a list.`)
}

export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export function parsed<Result>(parse: () => Result): Result {
  try {
    return parse()
  } catch (error) {
    const [sentence = ''] = error instanceof Error ? error.message.split('. ', 1) : []
    throw new UsageError(`${sentence.replace(/\.$/, '')}.`)
  }
}

export async function withRegistry<Result>(
  work: (registry: Registry, config: Config) => Promise<Result>,
): Promise<Result> {
  const config = await readSettings()
  refuseMissing(config.database)
  if (isPackage) refuseMissingKeys(config)
  const hooks = await loadHooks(config.hooks)
  const database = await openDatabase(config.database)
  try {
    return await work(registryOf(config, { hooks, database }), config)
  } finally {
    await database.close()
  }
}

function registryOf(config: Config, { hooks, database }: Pick<Registry, 'hooks' | 'database'>): Registry {
  const keyring = createKeyring(siteKeys(config))
  const now = Date.now
  const log = createLog('silent')
  return {
    database,
    hooks,
    now,
    log,
    passwords: { ...createPasswords(), hash: hashOne },
    rules: rulesOf(config),
    lifetimes: LIFETIMES,
    limits: createLimits({ database, rules: { ...LIMITS }, secrets: keyring.secrets('limits'), now }),
    events: createEvents({ database, log, onEvent: onEventOf(hooks) }),
    outbox: createOutbox({
      mode: typeof config.mail === 'object' ? 'sent' : config.mail,
      keyring,
      now,
    }),
    codes: createCodes(keyring.secrets('codes')),
    appCipher: createCipher(keyring.cipherKeys(APP_SECRETS)),
    pseudonym: createPseudonym(keyring.secrets('log')[0]),
    offers: () => true,
    countLogin: () => {},
  }
}

function onEventOf(hooks: Hooks): OnEvent {
  const listen = listener({ hooks })
  return async (event) => {
    try {
      await listen(event)
    } catch (error) {
      process.stderr.write(`onEvent failed: ${errorText(error)}\n`)
    }
  }
}

function rulesOf(config: Config): Rules {
  const { passwordMinLength, passwordMinScore, emailConfirmation: confirmation, confirmationGrace } = config
  const { privateEmails, loginErrors, signup, emails } = config
  const siteWords = siteWordsOf(config)
  const ofPasswords = { passwordMinLength, passwordMinScore, siteWords }
  const second = { second: SECOND_OPTIONAL, lostWait: LOST_WAIT }
  return {
    ...ofPasswords,
    signup,
    emails,
    confirmation,
    confirmationGrace,
    privateEmails,
    loginErrors,
    ...second,
  }
}

// A key created here would be unknown to the site.
export function refuseMissingKeys({ sessionKeys, keyFile }: Config): void {
  if (sessionKeys.length > 0 || existsSync(keyFile)) return
  throw new Error(
    isPackage
      ? `There is no key file ${keyFile}. Set SESSION_KEYS to the keys your app passes to accounts().`
      : `There is no key file ${keyFile} and no SESSION_KEYS. The site creates the file at its first start.`,
  )
}

// Opening would create an empty database and hide a wrong path.
export function refuseMissing(database: string): void {
  const [, file] = /^sqlite:(.+)$/.exec(database) ?? []
  if (file !== undefined && !existsSync(file)) {
    throw new Error(`Database not found: ${file} (DATABASE_URL). The site creates it at its first start.`)
  }
}

export function commandOrigin(name: string): Origin {
  return { by: `cli:${name}`, address: '', userAgent: '' }
}
