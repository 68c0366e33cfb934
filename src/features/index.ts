import type Router from '@koa/router'
import type { House } from '../house.js'
import type { Outbox } from '../outbox.js'
import * as accountActivity from './account-activity.js'
import * as accountClose from './account-close.js'
import * as accountDevices from './account-devices.js'
import * as accountPassword from './account-password.js'
import * as devMailbox from './dev-mailbox.js'
import * as login from './login.js'
import * as logout from './logout.js'
import * as passwordConfirm from './password-confirm.js'
import * as signup from './signup.js'
import * as users from './users.js'

/** One flow: its name is that of its URL, its templates, its test and its row in the README. */
export interface Feature {
  name: string
  /** What it cannot be offered without: mails, or that they are caught for the maintainer to see. */
  needs?: 'mail' | 'mailbox'
  routes(router: Router, house: House): void
}

/** The features that a site with this outbox can offer. */
export function offered({ isOn, isCaught }: Outbox): Feature[] {
  const has = { mail: isOn, mailbox: isCaught }
  return features.filter(({ needs }) => needs === undefined || has[needs])
}

/** The site map. */
export const features: readonly Feature[] = [
  signup,
  login,
  passwordConfirm,
  logout,
  accountDevices,
  accountActivity,
  accountPassword,
  accountClose,
  users,
  devMailbox,
]
