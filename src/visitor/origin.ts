import type { Context } from 'koa'
import { userAgentOf } from '../accounts/history.js'
import type { Gatehouse } from './gatehouse.js'
import { deviceWords } from './known-devices.js'

/** What a notice tells of a request: when, on which device, and from where. */
export interface Circumstances {
  /** UTC milliseconds. */
  at: number
  browser: string
  system: string
  address: string
  /** In which the request was answered. */
  language: string
}

export function circumstances(ctx: Context, gatehouse: Gatehouse): Circumstances {
  const { browser = '', system = '' } = deviceWords(userAgentOf(ctx))
  return {
    at: gatehouse.now(),
    browser,
    system,
    address: gatehouse.address(ctx),
    language: gatehouse.languageOf(ctx),
  }
}
