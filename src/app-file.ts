import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { listener } from './accounts/hooks.js'
import { LIMITS } from './accounts/limit-rules.js'
import { errorText } from './base/error-text.js'
import { locate, type ServerSettings } from './database/locate.js'
import type { DatabaseLocation } from './database/location.js'
import { added } from './features/index.js'
import { refuseConflicts } from './option-conflicts.js'
import { type AccountsOptions, checkOptions, mailOf } from './options.js'
import { type AppOfFile, type Config, ConfigError, readConfig } from './server/config.js'
import { isHttps, settingsOf } from './settings.js'
import { wholePrefixOf } from './web/base-path.js'
import { urlsUnder } from './web/routes.js'

const NAMES = ['js', 'mjs', 'cjs', 'ts', 'mts'].map((ending) => `gatehouse.config.${ending}`)

/** Returns the settings of the app whose options `gatehouse.config.js` exports, or undefined if there is no such file. */
export async function readAppFile(): Promise<Config | undefined> {
  const file = NAMES.find((name) => existsSync(name))
  return file === undefined ? undefined : configOf(await optionsIn(file), file)
}

async function optionsIn(file: string): Promise<AccountsOptions> {
  const options = await exportOf(file)
  try {
    checkOptions(options)
    refuseConflicts(options)
  } catch (error) {
    throw new ConfigError(`${file}: ${errorText(error)}`)
  }
  return options
}

async function exportOf(file: string): Promise<AccountsOptions> {
  try {
    const module: { default?: AccountsOptions | Promise<AccountsOptions> } = await import(
      pathToFileURL(resolve(file)).href
    )
    if (module.default !== undefined) return await module.default
  } catch (error) {
    throw new ConfigError(`${file} cannot be loaded: ${errorText(error).replace(/\.$/, '')}.`)
  }
  throw new ConfigError(`${file} has no default export. Export the options that you pass to accounts().`)
}

function configOf(options: AccountsOptions, file: string): Config {
  const { rules, siteName, lifetimes } = settingsOf(options)
  const { database, keyFile } = storageOf(options.database, file)
  const { limits = {}, secondStep = 'optional', baseUrl, keys = [] } = options
  if (keys.length === 0 && !database.startsWith('sqlite:')) {
    throw new ConfigError(`${file}: Option keys must be set. There is no SQLite file to keep them beside.`)
  }
  // What has no option, such as the port, gets the default of the environment.
  const others = readConfig({
    DATABASE_URL: database,
    ...(keys.length > 0 && { SESSION_KEYS: keys.join(',') }),
  })
  return {
    ...others,
    app: appOf(options, file),
    production: process.env.NODE_ENV === 'production',
    development: options.development ?? false,
    baseUrl,
    https: isHttps(options),
    cookiePath: options.cookiePath ?? '/',
    passkeyDomain: options.passkeyDomain,
    keyFile,
    passwordMinLength: rules.passwordMinLength ?? others.passwordMinLength,
    passwordMinScore: rules.passwordMinScore ?? others.passwordMinScore,
    siteName,
    signup: rules.signup,
    emails: rules.emails,
    loginErrors: rules.loginErrors,
    mail: mailOf(options),
    emailConfirmation: rules.confirmation,
    confirmationGrace: rules.confirmationGrace,
    privateEmails: rules.privateEmails,
    secondStep: typeof secondStep === 'function' ? 'optional' : secondStep,
    lifetimes,
    limits: limits === 'off' ? 'off' : { ...LIMITS, ...added.limits, ...limits },
    hooks: { ...options.hooks, onEvent: listener(options) },
    templates: options.templates ?? [],
  }
}

function appOf(options: AccountsOptions, file: string): AppOfFile {
  const { features = {} } = options
  const url = urlsUnder(wholePrefixOf(options))
  return {
    file,
    readsAddresses: options.address !== undefined,
    activity: features['account/activity'] === false ? undefined : url('account/activity'),
  }
}

function storageOf(location: DatabaseLocation, file: string): { database: string; keyFile: string } {
  const database = addressOf(location, file)
  const { DATABASE_URL: given = database } = process.env
  // Restoring into the other one would replace the wrong database.
  if (given.trim() !== '' && absolute(given) !== database) {
    throw new ConfigError(
      `DATABASE_URL and ${file} name different databases. Unset DATABASE_URL, or run the command in another folder.`,
    )
  }
  return { database, keyFile: `${database.replace(/^sqlite:/, '')}.key` }
}

function absolute(address: string): string {
  const [, path] = /^sqlite:(.+)$/.exec(address.trim()) ?? []
  return path === undefined ? address.trim() : `sqlite:${resolve(path)}`
}

function addressOf(location: DatabaseLocation, file: string): string {
  const located = locate(location)
  if (located.kind === 'file') return `sqlite:${resolve(located.file.path)}`
  return serverAddress(located.server) ?? givenAddress(file)
}

function serverAddress({ connection, schema }: ServerSettings): string | undefined {
  const address = connection.connectionString ?? partsAddress(connection)
  if (address === undefined || schema === undefined) return address
  const url = new URL(address)
  url.searchParams.set('options', `${connection.options ?? ''} -c search_path=${schema}`.trim())
  // Spaces as %20, because pg does not decode +.
  return url.href.replaceAll('+', '%20')
}

// Undefined for what a URL cannot express, such as certificates and a password function. Then DATABASE_URL is needed.
function partsAddress({ host, port, user, password, database, ssl, stream }: ServerSettings['connection']) {
  const isPlain = typeof password === 'string' || password === undefined
  if (
    host === undefined ||
    host.startsWith('/') ||
    !isPlain ||
    typeof ssl === 'object' ||
    stream !== undefined
  ) {
    return undefined
  }
  const url = new URL(`postgres://${host}`)
  url.port = String(port ?? '')
  url.username = encodeURIComponent(user ?? '')
  url.password = encodeURIComponent(password ?? '')
  url.pathname = database ?? ''
  if (ssl) url.searchParams.set('sslmode', 'verify-full')
  return url.href
}

function givenAddress(file: string): string {
  const { DATABASE_URL } = process.env
  if (DATABASE_URL !== undefined) return absolute(DATABASE_URL)
  throw new ConfigError(
    `The commands cannot connect like the pool in ${file}. Pass { url, schema } as the option database, or set DATABASE_URL.`,
  )
}
