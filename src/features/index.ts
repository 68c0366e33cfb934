import type Router from '@koa/router'
import type { House } from '../house.js'
import type { Outbox } from '../outbox.js'
import * as account from './account.js'
import * as accountActivity from './account-activity.js'
import * as accountClose from './account-close.js'
import * as accountDevices from './account-devices.js'
import * as accountEmail from './account-email.js'
import * as accountExport from './account-export.js'
import * as accountName from './account-name.js'
import * as accountPassword from './account-password.js'
import * as devGallery from './dev-gallery.js'
import * as devMailbox from './dev-mailbox.js'
import * as emailConfirm from './email-confirm.js'
import * as login from './login.js'
import * as logout from './logout.js'
import * as passwordConfirm from './password-confirm.js'
import * as passwordForgot from './password-forgot.js'
import * as passwordReset from './password-reset.js'
import * as signup from './signup.js'
import * as users from './users.js'

/** One flow: its name is that of its URL, its templates, its test and its row in the README. */
export interface Feature {
  name: string
  /** What it cannot be offered without: mails, that they are caught for the maintainer to see, or that the site is developed. */
  needs?: 'mail' | 'mailbox' | 'development'
  routes(router: Router, house: House): void
}

/** The features that a site with this outbox can offer, while it is developed or not. */
export function offered({ isOn, isCaught }: Outbox, { development }: { development: boolean }): Feature[] {
  const has = { mail: isOn, mailbox: isCaught, development }
  return features.filter(({ needs }) => needs === undefined || has[needs])
}

/** The site map. */
export const features: readonly Feature[] = [
  signup,
  emailConfirm,
  login,
  passwordForgot,
  passwordReset,
  passwordConfirm,
  logout,
  account,
  accountName,
  accountEmail,
  accountPassword,
  accountDevices,
  accountActivity,
  accountExport,
  accountClose,
  users,
  devMailbox,
  devGallery,
]
