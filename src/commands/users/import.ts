import { existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { recordOtherAction } from '../../accounts/operator-log.js'
import type { Registry } from '../../accounts/registry.js'
import type { FirebaseParameters } from '../../secrets/foreign-formats.js'
import { type Alarm, type Command, commandOrigin, parsed, UsageError, withRegistry } from '../command.js'
import { refusedFile, renamedFile } from '../import/lists.js'
import { type ImportRun, runImport, type Tally } from '../import/run.js'
import { SOURCES } from '../import/sources.js'
import { readPassword } from '../terminal.js'

const options = {
  from: { type: 'string' },
  'dry-run': { type: 'boolean', default: false },
  wrap: { type: 'boolean', default: false },
  confirmed: { type: 'string', default: 'as-source' },
  'pepper-stdin': { type: 'boolean', default: false },
  'hash-config': { type: 'string' },
} as const

const NAMES = Object.keys(SOURCES)

export const subcommand: Command = {
  name: 'import',
  summary: 'Import users from another system, with their passwords',
  help: `Usage: gatehouse users import <file> --from <system> [options]

Create an account for each user in a file. They log in with the same passwords
as before, and with the same authenticator apps if the file has their secrets.
Sends no emails. Can be interrupted and run again: users who were imported
before are skipped. <file>.refused.csv lists the rows that were refused, and
<file>.renamed.csv the usernames that had to change.

Options:
  --from <system>       What wrote the file: django, devise, laravel, wordpress,
                        better-auth, auth0, firebase, keycloak, flask-security,
                        csv or ndjson (what gatehouse users export writes)
  --dry-run             Change nothing. Show what would happen
  --confirmed <which>   Which email addresses count as confirmed. as-source:
                        those that the other system had confirmed. none: no
                        address. Default: as-source
  --wrap                Hash all password hashes once more, not only weak ones.
                        Takes about 20 ms for each. Needed with
                        PRIVATE_EMAILS=true
  --pepper-stdin        Read the pepper of Devise, or SECURITY_PASSWORD_SALT of
                        Flask-Security, from standard input
  --hash-config <file>  The password hash parameters of Firebase, as its console
                        shows them

Exits with 1 if rows were refused.`,
  async run(args) {
    const { values, positionals } = parsed(() =>
      parseArgs({ args: [...args], options, allowPositionals: true }),
    )
    const [file, ...others] = positionals
    if (file === undefined || others.length > 0)
      throw new UsageError('Missing file. Usage: gatehouse users import <file> --from <system>')
    const source = sourceOf(values.from)
    if (values.confirmed !== 'as-source' && values.confirmed !== 'none')
      throw new UsageError('--confirmed must be as-source or none.')
    if (!existsSync(file)) throw new Error(`There is no file ${file}.`)
    const secrets = {
      pepper: values['pepper-stdin'] ? await readPassword() : undefined,
      firebase: source === 'firebase' ? firebaseParameters(values['hash-config']) : undefined,
    }
    const flags = { isDryRun: values['dry-run'], isWrapping: values.wrap }
    const isUnconfirmed = values.confirmed === 'none'
    return importUsers({ file, source, secrets, isUnconfirmed, ...flags })
  },
}

function sourceOf(name: string | undefined): string {
  if (name !== undefined && NAMES.includes(name)) return name
  throw new UsageError(`--from must be one of ${NAMES.join(', ')}.`)
}

function firebaseParameters(file: string | undefined): FirebaseParameters {
  if (file === undefined)
    throw new UsageError('Missing --hash-config, the password hash parameters of your Firebase project.')
  const config = readFileSync(file, 'utf8')
  const settingOf = (name: string) => new RegExp(`\\b${name}"?\\s*[:=]\\s*"?([\\w+/=-]+)`).exec(config)?.[1]
  const [signerKey, separator] = [settingOf('base64_signer_key'), settingOf('base64_salt_separator')]
  const [rounds, memory] = [Number(settingOf('rounds')), Number(settingOf('mem_cost'))]
  if (signerKey === undefined || separator === undefined || !(rounds > 0 && memory > 0)) {
    throw new Error(`${file} must have base64_signer_key, base64_salt_separator, rounds and mem_cost.`)
  }
  return { signerKey, separator, rounds, memory }
}

function importUsers(run: ImportRun): Promise<Alarm | string> {
  return withRegistry(async (registry) => {
    if (registry.rules.privateEmails && !run.isWrapping) {
      throw new UsageError(
        'With PRIVATE_EMAILS=true add --wrap. Otherwise the time that old hashes take would show which email addresses have accounts.',
      )
    }
    if (run.isDryRun !== true) await record(registry, run)
    const tally = await runImport(registry, run)
    const output = sentencesOf(registry, run, tally).join('\n')
    return tally.refused > 0 ? { output, exitCode: 1 } : output
  })
}

function record(registry: Registry, { source }: ImportRun): Promise<boolean> {
  return registry.database.write((transaction) =>
    recordOtherAction(transaction, commandOrigin('users import'), registry, {
      kind: 'users_imported',
      about: source,
    }),
  )
}

function sentencesOf({ rules }: Registry, { file, isDryRun = false }: ImportRun, tally: Tally): string[] {
  const { imported, before, refused, renamed, withoutPassword, withApp } = tally
  const help =
    rules.emails === 'none' ? 'Set one with gatehouse users reset.' : 'They can choose one by email.'
  return [
    isDryRun ? `Would import ${imported} users. Nothing was changed.` : `Imported ${imported} users.`,
    ...(before > 0 ? [`Imported before: ${before}.`] : []),
    ...(withoutPassword > 0 ? [`Without a password: ${withoutPassword}. ${help}`] : []),
    ...(withApp > 0 ? [`With an authenticator app: ${withApp}.`] : []),
    ...(renamed > 0 ? [`Renamed: ${renamed}.${isDryRun ? '' : ` They are in ${renamedFile(file)}.`}`] : []),
    ...(refused > 0 ? [`Refused: ${refused}. They are in ${refusedFile(file)}.`] : []),
  ]
}
