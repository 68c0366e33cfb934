import type Router from '@koa/router'
import type { Limit } from '../accounts/limit-rules.js'
import type { Kind } from '../accounts/mail-kinds.js'
import type { Message } from '../web/form.js'
import type { Gatehouse } from './gatehouse.js'

/** One flow, and all that the site has to know of it: its name is that of its URL, its templates, its test and its row in the README. */
export interface Feature {
  name: string
  /** What it cannot be offered without: mails, that they are caught while the site is developed, or that it is developed. */
  needs?: Need
  /** The features to whose pages it leads, and that so cannot be switched off without it. */
  requires?: readonly string[]
  /** Where its page is linked, as long as it is offered. */
  links?: readonly FeatureLink[]
  /** The kinds of events that it adds to the history, each with what it is called there. */
  events?: Readonly<Record<string, Message>>
  /** The kinds of mails that it adds: `templates/mail/<kind>.txt` and `.html`. */
  mails?: Readonly<Record<string, FeatureMail>>
  /** The limits that it adds, with their defaults: `renameTeam` is set by `LIMIT_RENAME_TEAM`. */
  limits?: Readonly<Record<string, FeatureLimit>>
  routes(router: Router, gatehouse: Gatehouse): void | Promise<void>
}

export type Need = 'mail' | 'mailbox' | 'development'

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

export interface FeatureMail extends Kind {
  /** What users read of it where their data is listed. */
  title: Message
}

export interface FeatureLimit extends Limit {
  /** What is said when it is reached, with `{when}`. */
  message: Message
}

/** Which features are switched on or off, by name; those that are not named are on. */
export type Switches = Readonly<Record<string, boolean>>
