import { existsSync } from 'node:fs'
import { loadHooks } from '../accounts/hooks.js'
import { createLimits, LIMITS } from '../accounts/limits.js'
import { isPackage } from '../base/package.js'
import { createOutbox } from '../mail/outbox.js'
import { createKeyring, siteKeys } from '../secrets/keyring.js'
import { type Config, readConfig } from '../server/config.js'
import { readDotEnv } from '../server/dot-env.js'
import { openDatabase } from '../tables/schema.js'
import { type Gatehouse, siteWordsOf } from '../visitor/gatehouse.js'
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

/** What a command works with: the site's database, outbox and rules, while the site may run or not. */
export type Office = Pick<Gatehouse, 'database' | 'outbox' | 'rules' | 'limits' | 'now' | 'hooks'>

/** Does `work` with what the environment says, as the site itself reads it. Throws a sentence. */
export async function inOffice<Result>(
  work: (office: Office, config: Config) => Promise<Result>,
): Promise<Result> {
  readDotEnv()
  const config = readConfig(process.env)
  refuseMissing(config.database)
  if (isPackage) refuseMissingKeys(config)
  const keyring = createKeyring(siteKeys(config))
  const mode = typeof config.mail === 'object' ? 'sent' : config.mail
  const hooks = await loadHooks(config.hooks)
  const database = await openDatabase(config.database)
  try {
    const outbox = createOutbox({ mode, keyring, now: Date.now })
    const limits = createLimits({
      database,
      rules: LIMITS,
      secrets: keyring.secrets('limits'),
      now: Date.now,
    })
    return await work({ database, outbox, rules: rulesOf(config), limits, now: Date.now, hooks }, config)
  } finally {
    await database.close()
  }
}

function rulesOf(config: Config): Gatehouse['rules'] {
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
