import type { StoredMail } from '../tables/mails.js'
import type { OutgoingMail } from './transport.js'

export interface MailContent {
  kind: string
  to: string
  language: string | undefined
  path: string
  values: object
}

export type Render = (language: string | undefined, template: string, values: object) => string

export interface ComposeOptions {
  render: Render
  origin: string
}

export function compose(
  { id, createdAt }: Pick<StoredMail, 'id' | 'createdAt'>,
  { kind, to, language, path, values }: MailContent,
  { render, origin }: ComposeOptions,
): OutgoingMail {
  const shown = { ...values, link: origin + path }
  const [head = '', ...body] = render(language, `mail/${kind}.txt`, shown).trimStart().split('\n')
  const [, subject] = /^Subject: (.+)$/.exec(head.trim()) ?? []
  if (subject === undefined) throw new Error(`mail/${kind}.txt must begin with a Subject: line`)
  return {
    messageId: `${id}@${new URL(origin).hostname}`,
    date: new Date(createdAt),
    to,
    subject,
    text: `${body
      .join('\n')
      .trim()
      .replaceAll(/\n{3,}/g, '\n\n')}\n`,
    html: withoutLinks(render(language, `mail/${kind}.html`, { ...shown, subject })),
  }
}

// Email programs turn a username like `win.example` into a link, unless its dots are in tags.
function withoutLinks(html: string): string {
  return html.replaceAll(/(?<=<bdi translate="no">)[^<]*/g, (data) => data.replaceAll('.', '<span>.</span>'))
}
