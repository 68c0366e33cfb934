import type Router from '@koa/router'
import type { Context } from 'koa'
import type { OutgoingMail } from '../mail/transport.js'
import * as mails from '../tables/mails.js'
import { type Gatehouse, gatehouseOf } from '../visitor/gatehouse.js'
import { refuseRequest } from '../web/refusal.js'
import { requireLocal, showMail } from './local-only.js'

export const name = 'dev/mailbox'
export const needs = 'mailbox'

const SHOWN = 100
const NO_SUCH_MAIL = { code: 'mail_unknown', sentence: 'There is no such email.' }

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/dev/mailbox/', requireLocal, async (ctx) => {
    const stored = await mails.list(gatehouse.database.main, {
      states: ['sent', 'waiting', 'failed'],
      limit: SHOWN,
    })
    gatehouse.pages.show(ctx, 'dev/mailbox/page.html', {
      mails: stored.flatMap((mail) => messageOf(gatehouse, mail) ?? []),
      problems: stored.filter(({ problem }) => problem !== ''),
    })
  })

  router.get('/dev/mailbox/:id/', requireLocal, async (ctx) => {
    const mail = await chosen(ctx)
    gatehouse.pages.show(ctx, 'dev/mailbox/mail.html', { mail, lines: mail.text.split('\n').map(lineOf) })
  })

  router.get('/dev/mailbox/:id/html/', requireLocal, async (ctx) => {
    const { html } = await chosen(ctx)
    showMail(ctx, html)
  })
}

interface CaughtMail extends OutgoingMail {
  id: string
}

async function chosen(ctx: Context): Promise<CaughtMail> {
  const gatehouse = gatehouseOf(ctx)
  const mail = await mails.byId(gatehouse.database.main, ctx.params.id ?? '')
  return (mail && messageOf(gatehouse, mail)) ?? refuseRequest(ctx, 404, NO_SUCH_MAIL)
}

function messageOf({ outbox }: Gatehouse, mail: mails.StoredMail): CaughtMail | undefined {
  const message = mail.state === 'sent' ? outbox.caughtOf(mail) : undefined
  return message && { ...message, id: mail.id }
}

function lineOf(text: string): { text: string; href?: string } {
  const [, href] = /^https?:\/\/[^/\s]+?\/*(\/\S*)$/.exec(text) ?? []
  return href === undefined ? { text } : { text, href }
}
