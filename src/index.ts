/** The door: what `import … from 'gatehouse'` gives. `standalone.ts` is the smallest use of it. */
export { type Accounts, accounts } from './accounts.js'
export { type Config, ConfigError, readConfig } from './config.js'
export { typedOf } from './detour.js'
export { readDotEnv } from './dot-env.js'
export type { OnEvent } from './events.js'
export { isRecentLogin, requireAnonymous, requireRecentLogin, requireUser, userOf } from './guards.js'
export {
  type After,
  type Hooks,
  type Identity,
  loadHooks,
  type Objections,
  type Signup,
  type SignupRequest,
} from './hooks.js'
export { type Places, takeNotice } from './house.js'
export { siteKeys } from './keys.js'
export type { Lifetimes } from './lifetimes.js'
export type { Limit, LimitRules } from './limits.js'
export {
  createMetrics,
  gatherMetrics,
  type LoginOutcome,
  type Metrics,
  type MetricsOptions,
} from './metrics.js'
export type { AccountsOptions, Switches, Theme } from './options.js'
export type { PasswordCosts } from './passwords.js'
export { inProcesses } from './processes.js'
export { sealedSession } from './sealed-session.js'
export { type ServeOptions, serve } from './serve.js'
export type { MailServer } from './smtp.js'
export type { AccountEvent, EventKind } from './tables/events.js'
export type { DatabaseLocation, PostgresHandle, SqliteHandle } from './tables/location.js'
export type { Transaction } from './tables/schema.js'
export type { User } from './tables/users.js'
export { type Broken, type Form, formBody, type Message, type Values } from './web/form.js'
export { type Health, healthChecks } from './web/health.js'
export { isGone } from './web/leaving.js'
export { createLog, requestLog } from './web/log.js'
export type { Pages, SpokenNotice } from './web/pages.js'
export { otherMethods, type Route } from './web/routes.js'
