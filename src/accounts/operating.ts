import { UNLIMITED } from './limits.js'
import type { Registry } from './registry.js'

/** For operators and the app: limits protect against visitors. Forgotten attempts are those of the site. */
export function operating(site: Registry): Registry {
  const { limits, rules } = site
  return {
    ...site,
    limits: { ...UNLIMITED, forget: limits.forget },
    rules: { ...rules, privateEmails: false },
  }
}
