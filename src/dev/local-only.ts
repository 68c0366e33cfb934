import type { Context, Middleware } from 'koa'
import { gatehouseOf } from '../visitor/gatehouse.js'
import { DYNAMIC } from '../web/headers.js'
import { isForwarded, normalAddress } from '../web/network.js'

/** The mail's own page may show its own look, and nothing else. */
const MAIL_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/**
 * Who reads the mails owns every account: only a browser on this machine may, that has come by no proxy, and for an address
 * that is this machine's own (by a name that somebody points here, pages of theirs could read along: DNS rebinding).
 */
export const requireMaintainer: Middleware = (ctx, next) => {
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

// Whatever the site is called here, the path is right: a link that was caught never leaves this machine.
const OWN_LINK = /href="https?:\/\/[^"/]+\/*(\/[^"]*)"/g

/** Answers a mail as its HTML, whose links lead to the site that is looked at. */
export function showMail(ctx: Context, html: string): void {
  ctx.set(DYNAMIC)
  ctx.set('Content-Security-Policy', MAIL_POLICY)
  ctx.type = 'html'
  ctx.body = html.replaceAll(OWN_LINK, (_, path: string) => `href="${path}"`)
}
