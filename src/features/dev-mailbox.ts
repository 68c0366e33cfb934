import type Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import { type House, houseOf } from '../house.js'
import type { Message } from '../smtp.js'
import * as mails from '../tables/mails.js'
import { refuseRequest } from '../web/errors.js'
import { DYNAMIC } from '../web/headers.js'
import { isForwarded, normalAddress } from '../web/network.js'

export const name = 'dev-mailbox'
export const needs = 'mailbox'

const SHOWN = 100
const NO_SUCH_MAIL = { code: 'mail_unknown', sentence: 'There is no such mail.' }
/** The mail's own page may show its own look, and nothing else. */
const MAIL_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

export function routes(router: Router, house: House): void {
  router.get('/dev/mailbox/', requireMaintainer, async (ctx) => {
    const stored = await mails.list(house.database.main, {
      states: ['sent', 'waiting', 'dead'],
      limit: SHOWN,
    })
    house.pages.show(ctx, 'dev-mailbox/page.html', {
      mails: stored.flatMap((mail) => messageOf(house, mail) ?? []),
      problems: stored.filter(({ problem }) => problem !== ''),
    })
  })

  router.get('/dev/mailbox/:id/', requireMaintainer, async (ctx) => {
    const mail = await chosen(ctx)
    house.pages.show(ctx, 'dev-mailbox/mail.html', { mail, lines: mail.text.split('\n').map(lineOf) })
  })

  router.get('/dev/mailbox/:id/html/', requireMaintainer, async (ctx) => {
    const { html } = await chosen(ctx)
    ctx.set(DYNAMIC)
    ctx.set('Content-Security-Policy', MAIL_POLICY)
    ctx.type = 'html'
    ctx.body = html.replaceAll(OWN_LINK, (_, path: string) => `href="${path}"`)
  })
}

/**
 * Who reads the mails owns every account: only a browser on this machine may, that has come by no proxy, and for an address
 * that is this machine's own (by a name that somebody points here, pages of theirs could read along: DNS rebinding).
 */
const requireMaintainer: Middleware = (ctx, next) => {
  const { origin } = houseOf(ctx)
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

interface CaughtMail extends Message {
  id: string
}

async function chosen(ctx: Context): Promise<CaughtMail> {
  const house = houseOf(ctx)
  const mail = await mails.byId(house.database.main, ctx.params.id ?? '')
  return (mail && messageOf(house, mail)) ?? refuseRequest(ctx, 404, NO_SUCH_MAIL)
}

function messageOf({ outbox }: House, mail: mails.StoredMail): CaughtMail | undefined {
  const message = mail.state === 'sent' ? outbox.caughtOf(mail) : undefined
  return message && { ...message, id: mail.id }
}

// Whatever the site is called here, the path is right: a link that was caught never leaves this machine.
const OWN_LINK = /href="https?:\/\/[^"/]+\/*(\/[^"]*)"/g

/** A line of a mail; if it is a link, with its path. */
function lineOf(text: string): { text: string; href?: string } {
  const [, href] = /^https?:\/\/[^/\s]+?\/*(\/\S*)$/.exec(text) ?? []
  return href === undefined ? { text } : { text, href }
}
