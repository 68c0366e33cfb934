import type Router from '@koa/router'
import type { House } from '../house.js'
import * as accountActivity from './account-activity.js'
import * as accountDevices from './account-devices.js'
import * as login from './login.js'
import * as logout from './logout.js'
import * as passwordConfirm from './password-confirm.js'
import * as signup from './signup.js'
import * as users from './users.js'

/** One flow: its name is that of its URL, its templates, its test and its row in the README. */
export interface Feature {
  name: string
  routes(router: Router, house: House): void
}

/** The site map. */
export const features: readonly Feature[] = [
  signup,
  login,
  passwordConfirm,
  logout,
  accountDevices,
  accountActivity,
  users,
]
