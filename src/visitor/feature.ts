import type Router from '@koa/router'
import type { Message } from '../web/form.js'
import type { Gatehouse } from './gatehouse.js'

/** One flow, and all that the site has to know of it: its name is that of its URL, its templates, its test and its row in the README. */
export interface Feature {
  name: string
  /** What it cannot be offered without: mails, that they are caught while the site is developed, or that it is developed. */
  needs?: 'mail' | 'mailbox' | 'development'
  /** The features to whose pages it leads, and that so cannot be switched off without it. */
  requires?: readonly string[]
  /** Where its page is linked, as long as it is offered. */
  links?: readonly FeatureLink[]
  routes(router: Router, gatehouse: Gatehouse): void
}

/** Where features are linked: on the page of the account, below the login, and in the header, of who is logged in or is not. */
export type LinkPlace = 'account' | 'login' | 'header' | 'user header'

export interface FeatureLink {
  on: LinkPlace
  /** The smallest comes first. */
  order: number
  title: Message
  /** What stands beside it. */
  hint?: Message
}
