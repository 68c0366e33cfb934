import type { StoredMail } from '../tables/mails.js'
import type { OutgoingMail } from './transport.js'

/** What a stored mail has become: to whom it goes, and what its templates show. */
export interface Letter {
  /** Its templates are `mail/<kind>.txt` and `.html`. */
  kind: string
  to: string
  /** The language's tag; without one it is written in the site's first. */
  language: string | undefined
  /** The path that its link opens. */
  path: string
  values: object
}

/** Renders a template, `.txt` or `.html`, in a language. */
export type Render = (language: string | undefined, template: string, values: object) => string

export interface WritingOptions {
  render: Render
  /** In front of the path of every link: `https://example.com`. */
  origin: string
}

/** Writes a letter by its templates. Throws if one is broken. */
export function written(
  { id, createdAt }: Pick<StoredMail, 'id' | 'createdAt'>,
  { kind, to, language, path, values }: Letter,
  { render, origin }: WritingOptions,
): OutgoingMail {
  const shown = { ...values, link: origin + path }
  const [head = '', ...body] = render(language, `mail/${kind}.txt`, shown).trimStart().split('\n')
  const [, subject] = /^Subject: (.+)$/.exec(head.trim()) ?? []
  if (subject === undefined) throw new Error(`mail/${kind}.txt does not begin with a line Subject: …`)
  return {
    messageId: `${id}@${new URL(origin).hostname}`,
    date: new Date(createdAt),
    to,
    subject,
    // What a template leaves out leaves its empty lines behind.
    text: `${body
      .join('\n')
      .trim()
      .replaceAll(/\n{3,}/g, '\n\n')}\n`,
    html: unlinked(render(language, `mail/${kind}.html`, { ...shown, subject })),
  }
}

// Mail programs make a link of a name like `win.example`, unless its dots stand apart.
function unlinked(html: string): string {
  return html.replaceAll(/(?<=<bdi translate="no">)[^<]*/g, (data) => data.replaceAll('.', '<span>.</span>'))
}
