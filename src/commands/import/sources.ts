import type { UserToImport } from '../../accounts/importing.js'
import { appSecretOf, hasUsualSettings, readAppSecret } from '../../secrets/foreign-app.js'
import {
  argon2Hash,
  bcryptHash,
  betterAuthHash,
  djangoHash,
  type FirebaseParameters,
  firebaseHash,
  flaskHash,
  keycloakHash,
  wordpressHash,
} from '../../secrets/foreign-formats.js'
import { type ForeignHash, readForeign } from '../../secrets/foreign-hash.js'
import type { SourceRecord } from './records.js'
import { isYes, nested, text, time } from './values.js'

export interface Secrets {
  /** The pepper of Devise, or `SECURITY_PASSWORD_SALT` of Flask-Security. */
  pepper: string | undefined
  firebase: FirebaseParameters | undefined
}

/** `hash` is undefined if `hashText` cannot be verified or costs too much. `hashText` is '' if there is none. */
export interface SourceUser extends UserToImport {
  isDeleted: boolean
  hashText: string
  /** '' if there is no app. Otherwise `appSecret` is undefined if it cannot be used. */
  appText: string
}

export type Source = (record: SourceRecord, secrets: Secrets) => SourceUser | undefined

export const SOURCES: Readonly<Record<string, Source>> = {
  django(record) {
    const fields = nested(record, 'fields') ?? record
    const password = text(fields, 'password')
    // A dump of all apps also contains other models.
    if (fields?.password === undefined) return undefined
    // What set_unusable_password() stores.
    const hashText = password.startsWith('!') ? '' : password
    return {
      ...person(fields, { name: ['username'], created: ['date_joined'] }),
      sourceId: text(record, 'pk', 'id'),
      isDisabled: text(fields, 'is_active') !== '' && !isYes(fields, 'is_active'),
      ...hashed(hashText, djangoHash),
    }
  },
  devise: (record, { pepper }) => ({
    ...person(record, { name: ['username', 'login'], display: ['name'] }),
    ...deviseApp(record),
    ...confirmed(record, 'confirmed_at'),
    ...hashed(text(record, 'encrypted_password'), (hash) =>
      bcryptHash(hash, pepper === undefined ? [] : [{ do: 'append', text: pepper }]),
    ),
  }),
  laravel: (record) => ({
    ...person(record, { name: ['username'], display: ['name'] }),
    ...confirmed(record, 'email_verified_at'),
    ...hashed(text(record, 'password'), bcryptOrArgon2),
  }),
  wordpress: (record) => ({
    ...person(record, { name: ['user_login'], email: ['user_email'], created: ['user_registered'] }),
    ...hashed(text(record, 'user_pass'), wordpressHash),
  }),
  'better-auth': (record) => ({
    ...person(record, {
      name: ['username'],
      display: ['name'],
      created: ['createdAt', 'createdat', 'created_at'],
    }),
    ...confirmed(record, 'emailVerified', 'emailverified', 'email_verified'),
    isDisabled: isYes(record, 'banned'),
    ...hashed(text(record, 'password'), betterAuthHash),
  }),
  auth0: (record) => ({
    ...person(record, { name: ['username'], display: ['name'] }),
    sourceId: text(record, 'user_id') || text(nested(record, '_id'), '$oid') || text(record, '_id'),
    ...confirmed(record, 'email_verified'),
    isDisabled: isYes(record, 'blocked'),
    ...hashed(text(record, 'passwordHash', 'password_hash'), bcryptHash),
  }),
  firebase: (record, { firebase }) => ({
    ...person(record, { display: ['displayName'], created: ['createdAt'] }),
    sourceId: text(record, 'localId'),
    ...confirmed(record, 'emailVerified'),
    isDisabled: isYes(record, 'disabled'),
    ...hashed(
      text(record, 'passwordHash'),
      (hash) => firebase && firebaseHash(hash, text(record, 'salt'), firebase),
    ),
  }),
  keycloak: (record) => ({
    ...person(record, { name: ['username'], created: ['createdTimestamp'] }),
    ...confirmed(record, 'emailVerified'),
    isDisabled: record?.enabled === false,
    ...language(firstOf(nested(record, 'attributes')?.locale)),
    ...keycloakPassword(record),
    ...keycloakApp(record),
  }),
  'flask-security': (record, { pepper }) => ({
    ...person(record, { name: ['username'], created: ['create_datetime', 'created_at'] }),
    ...confirmed(record, 'confirmed_at'),
    isDisabled: text(record, 'active') !== '' && !isYes(record, 'active'),
    ...hashed(text(record, 'password'), (hash) => flaskOrPlain(hash, pepper)),
  }),
  csv: plain,
  ndjson: plain,
}

/** Also what `users export` writes. */
function plain(record: SourceRecord): SourceUser {
  return {
    ...person(record, {
      name: ['username'],
      display: ['name'],
      created: ['createdAt', 'createdat', 'created_at', 'created'],
    }),
    ...confirmed(record, 'confirmedAt', 'confirmedat', 'confirmed_at', 'confirmed'),
    isDisabled: isYes(record, 'disabledAt', 'disabledat', 'disabled_at', 'disabled'),
    ...hashed(text(record, 'passwordHash', 'passwordhash', 'password_hash'), anyHash),
  }
}

function anyHash(hash: string): ForeignHash | undefined {
  if (hash.startsWith('$foreign$')) return readForeign(hash)
  return bcryptOrArgon2(hash) ?? (/^\$(?:wp|P|H)\$/.test(hash) ? wordpressHash(hash) : djangoHash(hash))
}

function bcryptOrArgon2(hash: string): ForeignHash | undefined {
  return hash.startsWith('$2') ? bcryptHash(hash) : argon2Hash(hash)
}

function flaskOrPlain(hash: string, pepper: string | undefined): ForeignHash | undefined {
  return pepper === undefined ? bcryptOrArgon2(hash) : flaskHash(hash, pepper)
}

const APP = ['totp_secret', 'totpSecret', 'totpsecret']

interface Names {
  name?: readonly string[]
  display?: readonly string[]
  email?: readonly string[]
  created?: readonly string[]
}

function person(
  record: SourceRecord,
  { name = [], display = [], email = ['email'], created = ['created_at'] }: Names,
) {
  const username = text(record, ...name)
  return {
    sourceId: text(record, 'id', 'pk'),
    name: username || text(record, ...display),
    isDisplayName: username === '',
    email: text(record, ...email),
    confirmedAt: null,
    createdAt: time(record, ...created),
    isDisabled: false,
    isDeleted: isYes(record, 'deleted_at', 'deletedAt'),
    ...withApp(text(record, ...APP)),
    ...language(text(record, 'language', 'locale')),
  }
}

function language(tag: string): { language: string | undefined } {
  return { language: /^[a-z]{2,3}(?:[-_][a-z\d]+)*$/i.test(tag) ? tag.replaceAll('_', '-') : undefined }
}

function confirmed(record: SourceRecord, ...names: readonly string[]): { confirmedAt: number | null } {
  if (!isYes(record, ...names)) return { confirmedAt: null }
  return {
    confirmedAt: time(record, ...names) ?? time(record, 'created_at', 'createdAt', 'createdat') ?? Date.now(),
  }
}

function hashed(
  hashText: string,
  read: (hash: string) => ForeignHash | undefined,
): { hashText: string; hash: ForeignHash | undefined } {
  return { hashText, hash: hashText === '' ? undefined : read(hashText) }
}

function withApp(
  appText: string,
  read: (text: string) => string | undefined = readAppSecret,
): { appText: string; appSecret: string | undefined } {
  return { appText, appSecret: appText === '' ? undefined : read(appText) }
}

// As devise-two-factor calls them. The secret also stays while the user has not finished the set-up.
function deviseApp(record: SourceRecord) {
  const [isOn, secret] = [text(record, 'otp_required_for_login'), text(record, ...APP, 'otp_secret')]
  return withApp(isOn === '' || isYes(record, 'otp_required_for_login') ? secret : '')
}

function keycloakApp(record: SourceRecord) {
  const credential = keycloakCredential(record, 'otp')
  const settings = nested(credential, 'credentialData')
  const secret = nested(credential, 'secretData')
  const isReadable =
    text(settings, 'subType') === 'totp' &&
    hasUsualSettings({
      algorithm: text(settings, 'algorithm'),
      digits: text(settings, 'digits'),
      period: text(settings, 'period'),
    })
  const isBase32 = text(settings, 'secretEncoding') === 'BASE32'
  const read = isBase32 ? readAppSecret : (value: string) => appSecretOf(Buffer.from(value))
  return withApp(text(secret, 'value'), isReadable ? read : () => undefined)
}

function keycloakCredential(record: SourceRecord, type: string): SourceRecord {
  const credentials: readonly unknown[] = Array.isArray(record?.credentials) ? record.credentials : []
  return credentials.map((one) => nested({ one }, 'one')).find((one) => text(one, 'type') === type)
}

function keycloakPassword(record: SourceRecord) {
  const credential = keycloakCredential(record, 'password')
  const settings = nested(credential, 'credentialData')
  const secret = nested(credential, 'secretData')
  const parameters = Object.entries(nested(settings, 'additionalParameters') ?? {})
  return hashed(text(secret, 'value'), (value) =>
    keycloakHash({
      algorithm: text(settings, 'algorithm'),
      iterations: Number(text(settings, 'hashIterations')),
      salt: text(secret, 'salt'),
      value,
      parameters: Object.fromEntries(parameters.map(([name, values]) => [name, firstOf(values)])),
    }),
  )
}

function firstOf(values: unknown): string {
  return text({ value: Array.isArray(values) ? values[0] : values }, 'value')
}
