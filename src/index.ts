export type { ActedBy } from './accounts/acted-by.js'
export type { OnEvent } from './accounts/events.js'
export {
  type HookErrors,
  type Hooks,
  type Identity,
  loadHooks,
  type Signup,
  type SignupRequest,
} from './accounts/hooks.js'
export type {
  AccountsInCode,
  AccountToCreate,
  CreatedAccount,
  UserSearch,
} from './accounts/host-accounts.js'
export type { Lifetimes } from './accounts/lifetimes.js'
export type { Limit, LimitRules } from './accounts/limit-rules.js'
export type { UserPage } from './accounts/listing.js'
export type { LoginOutcome } from './accounts/registry.js'
export type { DatabaseLocation, PostgresHandle, SqliteHandle } from './database/location.js'
export type { MailServer } from './mail/smtp.js'
export { DeliveryError, type DeliveryProblem, type OutgoingMail, type Transport } from './mail/transport.js'
export { type Accounts, accounts } from './mount.js'
export { type AccountsOptions, readConfig, type Theme } from './options.js'
export { siteKeys } from './secrets/key-file.js'
export type { PasswordCosts } from './secrets/password.js'
export { inProcesses } from './server/cluster.js'
export { type Config, ConfigError } from './server/config.js'
export { readDotEnv } from './server/dot-env.js'
export { createMetrics, gatherMetrics } from './server/metrics.js'
export type { Metrics, MetricsOptions } from './server/prometheus.js'
export { type ServeOptions, serve } from './server/serve.js'
export type { AccountEvent, Actor, EventKind } from './tables/events.js'
export type { Transaction } from './tables/schema.js'
export type { StoredUser, User } from './tables/users.js'
export type { ListedUser, UserState } from './tables/users-list.js'
export { requireConfirmed } from './visitor/confirmed-guard.js'
export { typedOf } from './visitor/drafts.js'
export type { Switches } from './visitor/feature.js'
export { type LoginStep, takeNotice } from './visitor/gatehouse.js'
export {
  requireAnonymous,
  requireRecentLogin,
  requireRecentSecond,
  requireUser,
  userOf,
} from './visitor/guards.js'
export { type HostLogin, type HostLoginOptions, logIn, logOut } from './visitor/host-login.js'
export { isRecentLogin, isRecentSecond } from './visitor/recent.js'
export { requireRole } from './visitor/role-guard.js'
export { sealedSession } from './web/cookie-session.js'
export { isGone } from './web/disconnect.js'
export { type FieldError, type Form, formBody, type Message, type Values } from './web/form.js'
export { type Health, healthChecks } from './web/health.js'
export { createLog, requestLog } from './web/log.js'
export type { Pages, ShownNotice } from './web/pages.js'
export { otherMethods, type Route } from './web/routes.js'
export type { Places } from './web/site.js'
