import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Block, blocksOf, type Document, documents } from '../support/documents.js'
import { Program } from '../support/program.js'
import { install, pack } from './packed.js'

// Imported so that the runner does not run this on both databases: the apps have their own.
const { PASSWORD, Visitor } = await import('../support/helpers.js')

/*
 * Runs every example of the README and the docs in a folder of its own, in an app that has installed the packed package. A
 * block names its file. `add` means that it goes to the end of it. Only the port is replaced, by a free one.
 */
const test = suite('examples of the docs')

const OTHERS = { 'koa-mount': '^4.2.0' }
const IS_CODE = /^(?:[jt]sx?|javascript|typescript)$/
/** About the code of Gatehouse. adding-a-flow.test.ts runs the second. */
const ABOUT_ITSELF = ['CONTRIBUTING.md', 'docs/adding-a-flow.md']
const FREE_PORT = `
  import { Server } from 'node:net'
  const { listen } = Server.prototype
  Server.prototype.listen = function (port, ...rest) {
    if (port === 3000) this.once('listening', () => console.log('listens on http://127.0.0.1:' + this.address().port))
    return listen.call(this, { port: 0, host: '127.0.0.1' }, ...rest)
  }
`
/** The services that examples call. */
const SERVICES = `
  const { fetch } = globalThis
  globalThis.fetch = (url, options) => {
    if (url.startsWith('https://partner.example/')) return Response.json({ email: 'anna@example.com' })
    if (url !== 'https://api.mail.example/send') return fetch(url, options)
    console.log('sent ' + options.body)
    return new Response()
  }
`

const root = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
process.once('exit', () => rmSync(root, { recursive: true, force: true }))
const running: Program[] = []

test.before(() => {
  const { filename } = pack(root)
  install(root, join(root, filename), OTHERS)
  writeFileSync(join(root, 'surroundings.mjs'), FREE_PORT + SERVICES)
})
test.after.each(async () => {
  await Promise.all(
    running.splice(0).map(async (app) => {
      app.kill()
      await app.end
    }),
  )
})

for (const page of documents.filter(({ path }) => !ABOUT_ITSELF.includes(path))) {
  const code = blocksOf(page).filter(({ language }) => IS_CODE.test(language))
  if (code.length > 0) test(`${page.path}: every example starts an app`, () => runAll(page))
}

/** Runs the app each time that the page has completed it, or its tests. */
async function runAll(page: Document): Promise<void> {
  const folder = folderFor(page.path)
  const blocks = blocksOf(page)
  const hasTests = blocks.some(({ label }) => label.includes('.test.'))
  let isNew = false
  for (const block of blocks) {
    if (IS_CODE.test(block.language))
      assert.is.not(block.label, '', `this example has no file:\n${block.text}`)
    if (block.label === 'app.mjs' && isNew) await stopped(await started(folder))
    if (block.label !== '') save(folder, block)
    isNew = !hasTests && (isNew || block.label.startsWith('app.mjs'))
  }
  if (isNew) await stopped(await started(folder))
  if (hasTests) await passes(folder)
}

function folderFor(name: string): string {
  const folder = join(root, 'apps', name)
  mkdirSync(folder, { recursive: true })
  return folder
}

function save(folder: string, { label, text }: Block): void {
  const [file = '', how] = label.split(' ')
  const path = join(folder, file)
  mkdirSync(dirname(path), { recursive: true })
  if (how === 'add' && file.endsWith('.html')) copyOriginal(folder, file)
  writeFileSync(path, text, { flag: how === 'add' ? 'a' : 'w' })
}

function copyOriginal(folder: string, file: string): void {
  const name = file.replace('my-templates/', '')
  cpSync(join(root, 'node_modules/koa-gatehouse/templates', name), join(folder, file))
}

interface Started {
  app: Program
  address: string
}

async function started(folder: string): Promise<Started> {
  const app = new Program(['--import', join(root, 'surroundings.mjs'), 'app.mjs'], { cwd: folder })
  running.push(app)
  const [, address = ''] = await app.says(/^listens on (.+)$/m)
  return { app, address }
}

async function stopped({ app, address }: Started): Promise<void> {
  const { status } = await fetch(address, { redirect: 'manual' })
  assert.ok(status < 500, `${status}\n${app.stdout}${app.stderr}`)
  app.kill()
  await app.end
}

async function passes(folder: string): Promise<void> {
  const tests = new Program(['--test'], { cwd: folder })
  assert.is(await tests.end, 0, tests.stdout + tests.stderr)
}

/** Starts the app of a page as its examples leave it at the end of this section. */
async function appUnder(path: string, heading: string): Promise<Started & { folder: string }> {
  const page = documents.find((document) => document.path === path)
  const [before = '', after] = page?.text.split(`\n## ${heading}\n`) ?? []
  assert.type(after, 'string', `${path} has the heading ${heading}`)
  const folder = folderFor(`${path} ${heading}`)
  for (const block of blocksOf({ path, text: `${before}\n${after?.split('\n## ')[0]}` }))
    if (block.label !== '') save(folder, block)
  return { ...(await started(folder)), folder }
}

async function signedUp(
  address: string,
  { prefix = '', fields = {} } = {},
): Promise<InstanceType<typeof Visitor>> {
  const visitor = new Visitor(address)
  const typed = { username: 'Anna', email: 'anna@example.com', password: PASSWORD, repassword: PASSWORD }
  await visitor.send(await visitor.open(`${prefix}/signup/`), { ...typed, ...fields })
  await visitor.send(await visitor.open(`${prefix}/login/`), { username: 'Anna', password: PASSWORD })
  return visitor
}

test('docs/mounting.md: a form of the app is saved and filled in', async () => {
  const { address } = await appUnder('docs/mounting.md', 'Show your own forms')
  const visitor = await signedUp(address)
  const saved = await visitor.send(await visitor.open('/note/'), { note: 'buy milk' })
  assert.is(saved.headers.location, '/note/')
  const page = await visitor.open('/note/')
  assert.is(page.value('note'), 'buy milk')
  assert.equal(page.messages(), ['✔ Your note is saved.'])
})

test('docs/mounting.md: what sign-up asks for is in the app’s own table', async () => {
  const { address, folder } = await appUnder('docs/mounting.md', 'Hooks, sign-up fields and features')
  const refused = new Visitor(address)
  const typed = { username: 'Anna', email: 'anna@example.com', password: PASSWORD, repassword: PASSWORD }
  const page = await refused.send(await refused.open('/signup/'), typed)
  assert.match(page.text, 'Enter your full name.')
  await signedUp(address, { fields: { fullname: 'Anna Weaver' } })
  const { default: Database } = await import('better-sqlite3')
  const database = new Database(join(folder, 'shop.sqlite'), { readonly: true })
  assert.equal(database.prepare('select full_name from people').pluck().all(), ['Anna Weaver'])
  database.close()
})

test('docs/mounting.md: a guard under koa-mount leads to the login, and back', async () => {
  const { address } = await appUnder('docs/mounting.md', 'koa-mount and proxies')
  const visitor = new Visitor(address)
  assert.is(
    (await visitor.open('/shop/orders/')).headers.location,
    '/shop/accounts/login/?next=%2Fshop%2Forders%2F',
  )
  assert.is(
    (await (await signedUp(address, { prefix: '/shop/accounts' })).open('/shop/orders/')).text,
    'Orders of Anna',
  )
})

test('docs/hooks.md: orders are in the export, and go with the account', async () => {
  const { address, folder } = await appUnder('docs/hooks.md', 'Add your data to the export')
  const visitor = await signedUp(address)
  const { default: Database } = await import('better-sqlite3')
  const database = new Database(join(folder, 'shop.sqlite'))
  database.exec('insert into orders select id, 12 from users')
  assert.match((await visitor.open('/account/export/')).text, 'sum')
  const command = join(root, 'node_modules/koa-gatehouse/dist/src/cli.js')
  const env = { DATABASE_URL: 'sqlite:shop.sqlite', HOOKS: 'hooks.mjs' }
  const gone = new Program([command, 'users', 'delete', 'Anna', '--yes'], { cwd: folder, env })
  assert.is(await gone.end, 0, gone.stderr)
  assert.equal(database.prepare('select * from orders').all(), [])
  database.close()
})

test('docs/accounts-in-code.md: code finds accounts, logs in and logs out', async () => {
  const { address } = await appUnder('docs/accounts-in-code.md', 'Log in and out')
  const visitor = new Visitor(address)
  const typed = { username: 'Anna', password: 'correct horse 42' }
  await visitor.send(await visitor.open('/accounts/login/'), typed)
  const isStaff = async () => {
    const { text } = await visitor.open('/staff/anna/')
    return /^Anna, anna@example\.com, since \d{4}-/.test(text)
  }
  assert.ok(await isStaff())
  assert.is((await visitor.open('/staff/nobody/')).status, 404)
  assert.is((await visitor.post('/leave/', '')).headers.location, '/')
  assert.not.ok(await isStaff())
  assert.is((await visitor.open('/partner/callback/?ticket=1')).headers.location, '/orders/')
  assert.ok(await isStaff())
})

test('docs/accounts-in-code.md: a step of the app follows the login', async () => {
  const { address } = await appUnder('docs/accounts-in-code.md', 'Add a step to the login')
  const visitor = await signedUp(address)
  assert.is((await visitor.open('/orders/')).headers.location, '/terms/?next=%2Forders%2F')
  assert.is((await visitor.post('/terms/', '')).headers.location, '/orders/')
  assert.is((await visitor.open('/orders/')).text, 'Orders of Anna')
})

test('docs/hooks.md: an address that the app does not want is refused', async () => {
  const { address } = await appUnder('docs/hooks.md', 'Refuse usernames and email addresses')
  const visitor = new Visitor(address)
  const typed = { username: 'Anna', email: 'anna@example.org', password: PASSWORD, repassword: PASSWORD }
  const refused = await visitor.send(await visitor.open('/signup/'), typed)
  assert.match(refused.messages().join(), 'Email address must be from another domain.')
  const accepted = await visitor.send(refused, { ...typed, email: 'anna@example.com' })
  assert.is(accepted.headers.location, '/')
})

test('docs/emails.md: emails leave through the app’s own function', async () => {
  const { address, app } = await appUnder('docs/emails.md', 'Send through an API')
  await signedUp(address)
  const [, sent = ''] = await app.says(/^sent (.+)$/m)
  const { to, subject, text, html } = JSON.parse(sent)
  assert.is(to, 'anna@example.com')
  for (const part of [subject, text, html]) assert.ok(part.length > 0)
})

test('docs/two-step.md: a guarded form goes through after a login', async () => {
  const { address } = await appUnder('docs/two-step.md', 'Protect your own pages')
  const payout = (visitor: InstanceType<typeof Visitor>) => visitor.post('/payouts/', '')
  assert.is((await payout(new Visitor(address))).status, 403)
  assert.is((await payout(await signedUp(address))).text, 'Paid out to Anna')
})

test('docs/metrics.md: the token opens the metrics', async () => {
  const { address } = await appUnder('docs/metrics.md', 'In your app')
  assert.is.not((await fetch(`${address}/metrics`)).status, 200)
  const headers = { authorization: 'Bearer at-least-16-characters' }
  assert.match(await (await fetch(`${address}/metrics`, { headers })).text(), '# HELP')
})

test.run()
