import type Router from '@koa/router'
import * as devGallery from '../dev/gallery.js'
import * as devMailbox from '../dev/mailbox.js'
import type { Outbox } from '../mail/outbox.js'
import type { Switches } from '../options.js'
import type { Gatehouse } from '../visitor/gatehouse.js'
import * as accountActivity from './account/activity.js'
import * as accountClose from './account/close.js'
import * as accountDevices from './account/devices.js'
import * as accountEmail from './account/email.js'
import * as accountExport from './account/export.js'
import * as account from './account/index.js'
import * as accountName from './account/name.js'
import * as accountPassword from './account/password.js'
import * as emailConfirm from './email/confirm.js'
import * as login from './login.js'
import * as logout from './logout.js'
import * as passwordConfirm from './password/confirm.js'
import * as passwordForgot from './password/forgot.js'
import * as passwordReset from './password/reset.js'
import * as signup from './signup.js'
import * as users from './users.js'

/** One flow: its name is that of its URL, its templates, its test and its row in the README. */
export interface Feature {
  name: string
  /** What it cannot be offered without: mails, that they are caught while the site is developed, or that it is developed. */
  needs?: 'mail' | 'mailbox' | 'development'
  /** The features to whose pages it leads, and that so cannot be switched off without it. */
  requires?: readonly string[]
  routes(router: Router, gatehouse: Gatehouse): void
}

/** The features that a site with this outbox offers, while it is developed or not, but for those that are switched off. */
export function offered(
  { isOn, isCaught }: Outbox,
  { development, switches = {} }: { development: boolean; switches?: Switches | undefined },
): Feature[] {
  const has = { mail: isOn, mailbox: isCaught && development, development }
  return features.filter(({ name, needs }) => switches[name] !== false && (needs === undefined || has[needs]))
}

/** Without these nothing works: guards, mails and messages lead to them. */
const ALWAYS_ON: readonly string[] = ['login', 'logout', 'password/confirm', 'account']

/** Throws a sentence if a switch names no feature, or switches off what others lead to. */
export function checkSwitches(switches: Switches): void {
  const names = features.map(({ name }) => name)
  const isOff = (name: string) => switches[name] === false
  for (const name of Object.keys(switches)) {
    if (!names.includes(name)) {
      throw new Error(`There is no feature ${name} to be switched: there are ${names.join(', ')}.`)
    }
    if (isOff(name) && ALWAYS_ON.includes(name))
      throw new Error(`The feature ${name} cannot be switched off.`)
  }
  for (const { name, requires = [] } of features) {
    const missing = isOff(name) ? undefined : requires.find(isOff)
    if (missing !== undefined) {
      throw new Error(`The feature ${name} leads to ${missing}: switch off both, or none.`)
    }
  }
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
