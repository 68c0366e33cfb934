import type { Context } from 'koa'
import type { Origin } from '../accounts/origin.js'
import type { Account } from '../tables/users.js'
import { afterwards, refuseIfLeft } from '../web/disconnect.js'
import { requestId } from '../web/log.js'
import { userAgentOf } from '../web/user-agent.js'
import { codeBrowserOf, ensureCodeBrowser } from './code-browser.js'
import type { Gatehouse } from './gatehouse.js'
import { knownDevices, provenDevices } from './known-devices.js'
import { loginOf, sessionOf, userOf } from './logins.js'

export function originOf(ctx: Context, gatehouse: Gatehouse): Origin {
  return {
    by: 'self',
    address: gatehouse.address(ctx),
    userAgent: userAgentOf(ctx),
    language: gatehouse.languageOf(ctx),
    visit: {
      requestId: () => requestId(ctx),
      deviceOf: (account) => deviceOf(ctx, gatehouse, account),
      provenDeviceOf: (account) => provenDeviceOf(ctx, gatehouse, account),
      throwIfDisconnected: () => refuseIfLeft(ctx),
      afterwards: () => afterwards(ctx),
      ensureCodeBrowser: () => ensureCodeBrowser(ctx, gatehouse),
      codeBrowser: () => codeBrowserOf(ctx),
    },
  }
}

/** Without a language: emails about what an admin does are in the user's own. */
export function adminOrigin<Given extends Pick<Origin, 'reason' | 'form'>>(
  ctx: Context,
  gatehouse: Gatehouse,
  given: Given,
): Origin & Given {
  const by = `admin:${loginOf(ctx).user.id}` as const
  return { by, address: gatehouse.address(ctx), userAgent: userAgentOf(ctx), ...given }
}

// Decrypts the cookie for unknown usernames too, so that timing does not reveal which ones exist.
function deviceOf(ctx: Context, gatehouse: Gatehouse, account: Account | undefined): string | undefined {
  const known = knownDevices(ctx, gatehouse)
  if (account === undefined) return undefined
  return known(account) ?? sessionIdOf(ctx, account)
}

// Only a session that passed the second step counts: a trusted device can begin many others, each with new attempts.
function provenDeviceOf(ctx: Context, gatehouse: Gatehouse, account: Account): string | undefined {
  const device = provenDevices(ctx, gatehouse)(account)
  if (device !== undefined || sessionOf(ctx)?.secondAt == null) return device
  return sessionIdOf(ctx, account)
}

function sessionIdOf(ctx: Context, { user }: Account): string | undefined {
  return userOf(ctx)?.id === user.id ? sessionOf(ctx)?.id : undefined
}
