import type { Context, Middleware } from 'koa'
import { gatehouseOf } from '../visitor/gatehouse.js'
import { DYNAMIC } from '../web/headers.js'
import { isForwarded, normalAddress } from '../web/network.js'

const MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

// Emails give access to every account, so only this machine may read them, and not through a proxy. The host name must be local,
// too: otherwise a website whose name points here could read them (DNS rebinding).
export const requireLocal: Middleware = (ctx, next) => {
  const { origin } = gatehouseOf(ctx)
  const isHere =
    isLoopback(normalAddress(ctx.req.socket.remoteAddress ?? '')) &&
    isLoopback(hostnameOf(`http://${ctx.get('Host')}`)) &&
    (origin === undefined || isLoopback(hostnameOf(origin))) &&
    !isForwarded(ctx)
  return isHere ? next() : ctx.throw(404)
}

function hostnameOf(address: string): string | undefined {
  return URL.canParse(address) ? new URL(address).hostname : undefined
}

function isLoopback(host = ''): boolean {
  return /^(?:localhost|.+\.localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)$/.test(host)
}

// Keeps only the path, so that a caught link never leaves this machine.
const OWN_LINK = /href="https?:\/\/[^"/]+\/*(\/[^"]*)"/g

export function showMail(ctx: Context, html: string, framing = "frame-ancestors 'none'"): void {
  ctx.set(DYNAMIC)
  ctx.set('Content-Security-Policy', `${MAIL_POLICY}; ${framing}`)
  ctx.type = 'html'
  ctx.body = html.replaceAll(OWN_LINK, (_, path: string) => `href="${path}"`)
}
