import { parseArgs } from 'node:util'
import { resendMail } from '../accounts/failed-mails.js'
import { recipientOf } from '../accounts/mail-content.js'
import type { Registry } from '../accounts/registry.js'
import * as mails from '../tables/mails.js'
import { type Command, commandOrigin, parsed, UsageError, unknownCommand, withRegistry } from './command.js'
import { json, printable, table } from './terminal.js'

const SHOWN = 1000

const options = { json: { type: 'boolean', default: false } } as const

export const command: Command = {
  name: 'mails',
  summary: 'List emails that are waiting or failed, and send one again',
  help: `Usage: gatehouse mails [--json]
       gatehouse mails resend <id>

List emails that are waiting or failed, up to ${SHOWN}. resend sends a failed email
again, with a new link.

Put -- before an id that starts with a hyphen.`,
  async run(args) {
    const { values, positionals } = parsed(() =>
      parseArgs({ args: [...args], options, allowPositionals: true }),
    )
    const [verb, id, ...others] = positionals
    if (verb === undefined) return withRegistry((registry) => list(registry, { asJson: values.json }))
    if (verb !== 'resend') throw unknownCommand('gatehouse mails', verb)
    if (id === undefined || others.length > 0 || values.json) {
      throw new UsageError('Missing email id. Usage: gatehouse mails resend <id>')
    }
    return withRegistry((registry) => resend(registry, id))
  },
}

interface Row {
  id: string
  kind: string
  to: string
  state: mails.MailState
  tries: number
  at: string
  problem: string
}

async function list(registry: Registry, { asJson }: { asJson: boolean }): Promise<string> {
  const { main } = registry.database
  const stored = await mails.list(main, { states: ['waiting', 'failed'], limit: SHOWN })
  const rows: Row[] = []
  for (const mail of stored) rows.push(await rowOf(registry, mail))
  if (asJson) return json(rows)
  return rows.length === 0 ? 'No emails are waiting, and none have failed.' : tableOf(rows)
}

async function rowOf(registry: Registry, mail: mails.StoredMail): Promise<Row> {
  const { id, kind, state, tries, dueAt, problem } = mail
  const to = (await recipientOf(registry, mail)) ?? ''
  return { id, kind, to, state, tries, at: new Date(dueAt).toISOString(), problem }
}

function tableOf(rows: readonly Row[]): string {
  const head = ['ID', 'KIND', 'TO', 'STATE', 'ATTEMPTS', 'NEXT OR FAILED AT', 'PROBLEM']
  return table(
    head,
    rows.map(({ id, kind, to, state, tries, at, problem }) => {
      return [id, kind, to, state, `${tries}`, at, problem]
    }),
  )
}

async function resend(registry: Registry, id: string): Promise<string> {
  if (!registry.outbox.isOn) throw new Error('Emails are off (MAIL=off or EMAILS=none).')
  if (!(await resendMail(commandOrigin('mails resend'), registry, id)))
    throw new Error(`No failed email has the id ${printable(id)}. Run gatehouse mails for a list.`)
  return `Email ${id} will be sent again within seconds, while the site runs.`
}
