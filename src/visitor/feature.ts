import type Router from '@koa/router'
import type { Limit } from '../accounts/limit-rules.js'
import type { Kind } from '../accounts/mail-kinds.js'
import type { Message } from '../web/form.js'
import type { Gatehouse } from './gatehouse.js'

/** `name` is also the name of its URL, templates, test and row in docs/pages.md. */
export interface Feature {
  name: string
  needs?: Need
  /** The feature that switches it off, too. */
  partOf?: string
  /** Features that its pages lead to. They cannot be off while it is on. */
  requires?: readonly string[]
  links?: readonly FeatureLink[]
  events?: Readonly<Record<string, Message>>
  /** By kind. Each has templates `templates/mail/<kind>.txt` and `.html`. */
  mails?: Readonly<Record<string, FeatureMail>>
  /** By name. `LIMIT_RENAME_TEAM` sets `renameTeam`. */
  limits?: Readonly<Record<string, FeatureLimit>>
  routes(router: Router, gatehouse: Gatehouse): void | Promise<void>
}

export type Need = 'mail' | 'lost' | 'invitations' | 'mailbox' | 'development'

export type LinkPlace = 'account' | 'login' | 'header' | 'user header' | 'admin'

export type SettingsGroup = 'account' | 'security' | 'data'

export type FeatureLink = Linked &
  ({ on: 'account'; group: SettingsGroup } | { on: Exclude<LinkPlace, 'account'>; role?: string })

/** With `role`, only users who have that role see the link. */
interface Linked {
  /** Lower comes first. */
  order: number
  title: Message
  hint?: Message
}

export interface FeatureMail extends Kind {
  title: Message
}

export interface FeatureLimit extends Limit {
  /** May contain `{when}`. */
  message: Message
}

/** Switches features on (the default) or off, by name. */
export type Switches = Readonly<Record<string, boolean>>
