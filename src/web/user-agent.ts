import Bowser from 'bowser'
import type { Context } from 'koa'

const MAX_USER_AGENT = 512
// Bowser tries hundreds of patterns, and pages list many devices.
const MAX_PARSED = 200

export function userAgentOf(ctx: Context): string {
  return ctx.get('User-Agent').slice(0, MAX_USER_AGENT)
}

export interface DeviceWords {
  browser: string | undefined
  system: string | undefined
}

// Bowser repeats unknown names, so anyone could put a sentence or a link into an email to the owner.
const BROWSERS: ReadonlySet<string | undefined> = new Set(Object.values(Bowser.BROWSER_MAP))

export function deviceWords(userAgent: string): DeviceWords {
  if (userAgent === '') return { browser: undefined, system: undefined }
  const { browser, os, platform } = Bowser.parse(userAgent.slice(0, MAX_PARSED))
  const known = BROWSERS.has(browser.name) ? browser.name : undefined
  return { browser: known ?? firstWord(userAgent), system: platform.model || os.name || undefined }
}

// Programs begin with their name, as in `curl/8.5.0`. No dots, because mail programs turn `example.com` into a link.
function firstWord(userAgent: string): string | undefined {
  return /^(?!Mozilla\b)[A-Za-z][\w-]{0,29}(?=[/ ])/.exec(userAgent)?.[0]
}

export interface DevicePlace {
  words: DeviceWords
  address: string
}

export function devicePlaceOf(userAgent: string | null, address: string | null): DevicePlace | undefined {
  if (userAgent === null || address === null) return undefined
  return { words: deviceWords(userAgent), address }
}
