import { existsSync } from 'node:fs'
import { createEvents } from '../accounts/events.js'
import { loadHooks } from '../accounts/hooks.js'
import { LIFETIMES } from '../accounts/lifetimes.js'
import { LIMITS } from '../accounts/limit-rules.js'
import { createLimits } from '../accounts/limits.js'
import type { Origin } from '../accounts/origin.js'
import { type Registry, type Rules, siteWordsOf } from '../accounts/registry.js'
import { isPackage } from '../base/package.js'
import { createOutbox } from '../mail/outbox.js'
import { createCodes } from '../secrets/code-mac.js'
import { siteKeys } from '../secrets/key-file.js'
import { createKeyring } from '../secrets/keyring.js'
import { createPasswords, hashOne } from '../secrets/password.js'
import { createPseudonym } from '../secrets/pseudonym.js'
import { type Config, readConfig } from '../server/config.js'
import { readDotEnv } from '../server/dot-env.js'
import { openDatabase } from '../tables/schema.js'
import { createLog } from '../web/log.js'
import { printable } from './terminal.js'

/** What `gatehouse <name>` does for the maintainer. */
export interface Command {
  name: string
  /** A line for the list of commands. */
  summary: string
  /** How it is called, for `--help`. */
  usage: string
  /** Answers what is written to standard output; '' if it has written all itself. Throws `UsageError`, or a sentence. */
  run(args: readonly string[]): Promise<string | Alarm>
  /** If it is several: what each is. */
  parts?: readonly Command[]
}

/** What was asked for was done, and has found what somebody has to see to: for checks that run by themselves. */
export interface Alarm {
  output: string
  exitCode: 1
}

/** A command of several, each called by its name behind that of the command. */
export function commandOf({
  name,
  summary,
  parts,
}: Required<Pick<Command, 'name' | 'summary' | 'parts'>>): Command {
  return {
    name,
    summary,
    parts,
    usage: parts.map(({ usage }) => usage).join('\n'),
    async run([verb, ...args]) {
      const part = parts.find((one) => one.name === verb)
      if (part !== undefined) return part.run(args)
      const help = `gatehouse ${name} --help lists what there is.`
      throw new UsageError(
        verb === undefined
          ? `Say what to do: ${help}`
          : `There is no gatehouse ${name} ${printable(verb)}: ${help}`,
      )
    },
  }
}

/** It was not called as it asks to be; answered with exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Does `parse`, which calls `parseArgs` of Node. What that refuses is a `UsageError`. */
export function understood<Result>(parse: () => Result): Result {
  try {
    return parse()
  } catch (error) {
    const [sentence = ''] = error instanceof Error ? error.message.split('. ', 1) : []
    throw new UsageError(`${sentence.replace(/\.$/, '')}.`)
  }
}

/** Does `work` with what the environment says, as the site itself reads it, while the site may run or not. Throws a sentence. */
export async function withRegistry<Result>(
  work: (registry: Registry, config: Config) => Promise<Result>,
): Promise<Result> {
  readDotEnv()
  const config = readConfig(process.env)
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
  // What a command has to say it writes itself.
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
    // The site alone knows who listens.
    events: createEvents({ database, log }),
    outbox: createOutbox({
      mode: typeof config.mail === 'object' ? 'sent' : config.mail,
      keyring,
      now,
    }),
    codes: createCodes(keyring.secrets('codes')),
    pseudonym: createPseudonym(keyring.secrets('log')[0]),
    offers: () => true,
    countLogin: () => {},
  }
}

function rulesOf(config: Config): Rules {
  const { passwordMinLength, emailConfirmation, privateEmails } = config
  return { passwordMinLength, siteWords: siteWordsOf(config), confirmation: emailConfirmation, privateEmails }
}

/** A key made here would be one that no site knows. */
export function refuseMissingKeys({ sessionKeys, keyFile }: Config): void {
  if (sessionKeys.length > 0 || existsSync(keyFile)) return
  throw new Error(
    isPackage
      ? `There is no key file ${keyFile}: set SESSION_KEYS to the keys that your site gives to accounts().`
      : `There is no key file ${keyFile}, and no SESSION_KEYS: the site makes it at its first start.`,
  )
}

// A site makes its database; whoever looks for one in the wrong place should not find an empty one there.
export function refuseMissing(database: string): void {
  const [, file] = /^sqlite:(.+)$/.exec(database) ?? []
  if (file !== undefined && !existsSync(file)) {
    throw new Error(`There is no database ${file} (DATABASE_URL): the site makes it at its first start.`)
  }
}

/** Who does what a command does, by its name: `users reset`. */
export function commandOrigin(name: string): Origin {
  return { by: `cli:${name}`, address: '', userAgent: '' }
}
