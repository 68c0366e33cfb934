import type { Context, Middleware } from 'koa'
import type { Gatehouse } from './visitor/gatehouse.js'
import { relyingPartyOf } from './visitor/passkeys.js'
import { refusesMethod, sentPath } from './web/http.js'

type Respond = (ctx: Context) => void

// At the root, whatever the prefix (RFC 8615).
export function wellKnown(gatehouse: Gatehouse): Middleware {
  return async (ctx, next) => {
    const respond = responseAt(ctx, gatehouse)
    if (respond === undefined) return await next()
    if (!refusesMethod(ctx)) respond(ctx)
  }
}

export function isWellKnown(ctx: Context, gatehouse: Gatehouse): boolean {
  return responseAt(ctx, gatehouse) !== undefined
}

function responseAt(ctx: Context, gatehouse: Gatehouse): Respond | undefined {
  const path = sentPath(ctx)
  if (path === '/.well-known/change-password') return changePassword(gatehouse)
  if (path === '/.well-known/passkey-endpoints') return passkeyEndpoints(ctx, gatehouse)
  if (path === '/.well-known/webauthn') return relatedOrigins(ctx, gatehouse)
  return undefined
}

// W3C "A Well-Known URL for Changing Passwords".
function changePassword({ offers, pages, url }: Gatehouse): Respond | undefined {
  return offers('account/password') ? (ctx) => pages.leave(ctx, url('account/password')) : undefined
}

// W3C "A Well-Known URL for Relying Party Passkey Endpoints".
function passkeyEndpoints(ctx: Context, gatehouse: Gatehouse): Respond | undefined {
  const party = relyingPartyOf(ctx, gatehouse)
  if (party === undefined) return undefined
  const page = `${party.origin}${gatehouse.url('account/passkeys')}`
  return publish({ enroll: page, manage: page })
}

// WebAuthn 5.11, "Using Web Authentication across related origins".
function relatedOrigins(ctx: Context, gatehouse: Gatehouse): Respond | undefined {
  const { otherOrigins: origins = [] } = gatehouse.passkeys.party ?? {}
  const isOffered = origins.length > 0 && relyingPartyOf(ctx, gatehouse) !== undefined
  return isOffered ? publish({ origins }) : undefined
}

function publish(content: object): Respond {
  return (ctx) => {
    ctx.set('Cross-Origin-Resource-Policy', 'cross-origin')
    ctx.body = content
  }
}
