import { suite, type Test } from 'uvu'
import { createOutbox, type Draft } from '../../src/mail/outbox.js'
import { siteKeys } from '../../src/secrets/key-file.js'
import { createKeyring } from '../../src/secrets/keyring.js'
import { readConfig } from '../../src/server/config.js'
import { type Database, openDatabase } from '../../src/tables/schema.js'
import { settingsFor } from './databases.js'
import { Site, until } from './helpers.js'
import { type ReceivedMail, TestMailServer } from './mail-server.js'

export const BASE_URL = 'http://accounts.example.com:3000'
const FROM = 'The Gate <no-reply@example.com>'

export interface Context {
  server: TestMailServer
  sites: Site[]
  databases: Database[]
}

/** Returns a suite whose tests each have a mail server of their own. */
export function deliverySuite(name: string): Test<Context> {
  const test = suite<Context>(name)
  test.before.each(async (context) => {
    context.server = await TestMailServer.start()
    context.sites = []
    context.databases = []
  })

  test.after.each(async ({ server, sites, databases }) => {
    await server.stop()
    for (const site of sites) await site.close()
    for (const database of databases) await database.close()
  })
  return test
}

type Options = NonNullable<Parameters<typeof Site.start>[0]>

/** Starts a site that sends its emails to the test's mail server. */
export async function start(context: Context, { environment = {}, ...options }: Options = {}): Promise<Site> {
  const mailed = { SMTP_URL: context.server.url(), BASE_URL, MAIL_FROM: FROM, ...environment }
  const site = await Site.start({ environment: mailed, ...options })
  context.sites.push(site)
  return site
}

export interface Row {
  id: string
  kind: string
  state: string
  facts: string
  prepared: string
  problem: string
  tries: number
  refusals: number
  due_at: number
}

export function stored(site: Site): Promise<Row[]> {
  return site.rows<Row>('select * from mails order by id')
}

export async function only(site: Site): Promise<Row> {
  const [row, ...others] = await stored(site)
  if (row === undefined || others.length > 0) throw new Error('There should be one email.')
  return row
}

export async function inState(site: Site, state: string, count = 1): Promise<void> {
  const isSo = async () => (await stored(site)).filter((row) => row.state === state).length === count
  await until(isSo, `${count} mails that are ${state}`)
}

/** Waits until all emails were tried and none is being sent. */
export async function tried(site: Site): Promise<void> {
  await until(
    async () => (await stored(site)).every(({ problem }) => problem !== ''),
    'all emails were tried',
  )
}

/** Writes emails into the outbox of a site without the site. */
export async function post(context: Context, site: Site, drafts: readonly Draft[]): Promise<void> {
  const keyring = createKeyring(siteKeys(readConfig(settingsFor(site.database))))
  const outbox = createOutbox({ mode: 'sent', keyring, now: site.clock.now })
  const database = await openDatabase(site.database)
  context.databases.push(database)
  await database.write(async (transaction) => {
    for (const draft of drafts) await outbox.post(transaction, draft)
  })
}

export const WHERE = { at: Date.UTC(2026, 0, 1), browser: 'Firefox', system: 'Linux', address: '2001:db8::1' }

/** Returns that many security emails of one user, each to another address. */
export function notices(userId: string, count: number): Draft[] {
  return Array.from({ length: count }, (_, index) => ({
    kind: 'password-changed' as const,
    userId,
    facts: { to: `notice${index}@example.com`, ...WHERE },
  }))
}

/** Creates an account, waits for its first email, and returns its id. */
export async function userOf(context: Context, site: Site): Promise<string> {
  await site.visitor().signUp('Anna')
  await context.server.mails(1, 'Anna@example.com')
  await inState(site, 'sent')
  await site.write('delete from mails')
  const [user] = await site.rows<{ id: string }>('select id from users')
  return user?.id ?? ''
}

export function linksIn(text: string): string[] {
  return text.match(/https?:\/\/[^\s"<>]+/g) ?? []
}

export function codesIn(text: string): string[] {
  return text.replaceAll(/https?:\S+/g, '').match(/\d{8}/g) ?? []
}

export function header({ mail }: ReceivedMail, name: string): string {
  return String(mail.headers.get(name) ?? '')
}
