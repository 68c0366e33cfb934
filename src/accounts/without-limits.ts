import { UNLIMITED } from './limits.js'
import type { Registry } from './registry.js'

/** For operators and the app, to whom limits do not apply. `forget` still resets those of visitors. */
export function withoutLimits(site: Registry): Registry {
  const { limits, rules } = site
  return {
    ...site,
    limits: { ...UNLIMITED, forget: limits.forget },
    rules: { ...rules, privateEmails: false },
  }
}
