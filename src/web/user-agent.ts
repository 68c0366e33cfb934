import Bowser from 'bowser'
import type { Context } from 'koa'

const MAX_USER_AGENT = 512

/** The browser's own words for itself, as long as they are worth keeping. */
export function userAgentOf(ctx: Context): string {
  return ctx.get('User-Agent').slice(0, MAX_USER_AGENT)
}

/** Browser and system of a device, as far as the browser's own words for itself can be told. */
export interface DeviceWords {
  browser: string | undefined
  system: string | undefined
}

// For what it does not know, Bowser gives back what is written there: a sentence, or a link, that anybody could have sent to
// the owner in a notice of ours.
const BROWSERS: ReadonlySet<string | undefined> = new Set(Object.values(Bowser.BROWSER_MAP))

/** Reads a User-Agent: `Firefox` on `Linux`, `Safari` on `iPhone`. */
export function deviceWords(userAgent: string): DeviceWords {
  if (userAgent === '') return { browser: undefined, system: undefined }
  const { browser, os, platform } = Bowser.parse(userAgent)
  const known = BROWSERS.has(browser.name) ? browser.name : undefined
  return { browser: known ?? firstWord(userAgent), system: platform.model || os.name || undefined }
}

// Programs name themselves first: `curl/8.5.0`, `w3m/0.5`. Only browsers all begin with the same word. Without dots, for
// programs that show mails make links of `example.com`.
function firstWord(userAgent: string): string | undefined {
  return /^(?!Mozilla\b)[A-Za-z][\w-]{0,29}(?=[/ ])/.exec(userAgent)?.[0]
}

/** From where a device was used, and in which words it calls itself. */
export interface DevicePlace {
  words: DeviceWords
  address: string
}

/** The place of a use; undefined if none was noted. */
export function placeOf(userAgent: string | null, address: string | null): DevicePlace | undefined {
  if (userAgent === null || address === null) return undefined
  return { words: deviceWords(userAgent), address }
}
