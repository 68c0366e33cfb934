import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build, type Format } from 'esbuild'
import type { Page } from 'playwright-core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../../src/base/package.js'
import { launch } from '../browser/chromium.js'
import { blocksOf, documentAt } from '../support/documents.js'
import { Program } from '../support/program.js'
import { stripping } from '../support/stripping-proxy.js'
import { copyBinary, INSTALL, install, npm, pack } from './packed.js'

// Imported so that the runner does not run this on both databases: the apps have their own.
const { PASSWORD, Visitor } = await import('../support/helpers.js')
const { fillIn } = await import('../browser/visit.js')

/* The example of the README, and apps of test/support/set-ups, in set-ups that apps have, each with the packed package. */
const test = suite('setups of apps')

const EXAMPLE = blocksOf(documentAt('README.md')).find(({ label }) => label === 'app.mjs')?.text ?? ''
// biome-ignore lint/suspicious/noTemplateCurlyInString: it is code of the app.
const READY = "app.listen(0, '127.0.0.1', function () { console.log(`listens on ${this.address().port}`) })"

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
const host = join(folder, 'host')
let tarball: string
let running: Program | undefined

test.before(() => {
  tarball = join(folder, pack(folder).filename)
  install(host, tarball, { 'koa-body': '^6.0.1', 'koa-mount': '^4.2.0' })
})
test.after.each(async () => {
  running?.kill()
  await running?.end
  running = undefined
})

function example(path: string, change = (text: string) => text): string {
  writeFileSync(path, change(EXAMPLE.replace('app.listen(3000)', READY)))
  return path
}

function prepared(file: string): string {
  cpSync(join(root, 'test/support/set-ups', file), join(host, file))
  return file
}

/** Starts an app with no accounts, and returns its address. */
async function started(cwd: string, args: string[], env: Record<string, string> = {}): Promise<string> {
  rmSync(join(cwd, 'accounts.sqlite'), { force: true })
  running = new Program(args, { cwd, env })
  const [, port] = await running.says(/^listens on (\d+)$/m)
  return `http://127.0.0.1:${port}`
}

/** Signs up, logs in and sees the app's own page. */
async function works(cwd: string, args: string[]): Promise<void> {
  await welcomes(new Visitor(await started(cwd, args)))
}

async function signsUp(visitor: InstanceType<typeof Visitor>, base = ''): Promise<void> {
  const typed = { username: 'Anna', email: 'anna@example.com', password: PASSWORD, repassword: PASSWORD }
  const page = await visitor.send(await visitor.open(`${base}/accounts/signup/`), typed)
  assert.is(page.headers.location, `${base}/`, running?.stderr)
}

async function welcomes(visitor: InstanceType<typeof Visitor>, base = ''): Promise<void> {
  await signsUp(visitor, base)
  await visitor.send(await visitor.open(`${base}/accounts/login/`), { username: 'Anna', password: PASSWORD })
  assert.is((await visitor.open(`${base}/`)).text, 'Hello Anna', running?.stderr)
}

async function refusedWith(cwd: string, args: string[], sentence: string, env = {}): Promise<void> {
  const app = new Program(args, { cwd, env })
  assert.is(await app.end, 1)
  assert.match(app.stderr, sentence)
}

test('koa-body parses the forms', async () => {
  example(join(host, 'body.mjs'), (text) =>
    text.replace(
      "import bodyParser from 'koa-bodyparser'",
      "import { koaBody as bodyParser } from 'koa-body'",
    ),
  )
  await works(host, ['body.mjs'])
})

test('a CommonJS app with koa-mount and its own session store', async () => {
  const visitor = new Visitor(await started(host, [prepared('commonjs.cjs')]))
  assert.is((await visitor.open('/shop/')).text, 'Hello stranger')
  const refused = await visitor.open('/shop/orders/')
  assert.is(refused.headers.location, '/shop/accounts/login/?next=%2Fshop%2Forders%2F')
  await welcomes(visitor, '/shop')
  // One session, with another id since the login.
  assert.equal(JSON.parse((await visitor.open('/shop/orders/')).text), { orders: 'Anna', sessions: [2] })
})

test('a proxy takes a part of the path off', async () => {
  const proxy = await stripping('/club')
  example(join(host, 'club.mjs'), (text) =>
    text.replace("prefix: '/accounts'", "prefix: '/accounts', baseUrl: process.env.BASE_URL"),
  )
  try {
    proxy.forwardTo(await started(host, ['club.mjs'], { BASE_URL: `${proxy.address}/club` }))
    await welcomes(new Visitor(proxy.address), '/club')
    assert.equal(proxy.elsewhere, [])
  } finally {
    await proxy.close()
  }
})

test('an esbuild bundle that excludes packages works', async () => {
  await bundled('bundle.mjs', { format: 'esm', packages: 'external' })
  await works(host, ['bundle.mjs'])
})

for (const format of ['esm', 'cjs'] satisfies Format[]) {
  test(`a bundle with Gatehouse in it fails with an error that says what to do (${format})`, async () => {
    const out = `bundle.${format === 'esm' ? 'mjs' : 'cjs'}`
    await bundled(out, { format, external: ['better-sqlite3', '@node-rs/*', 'pg'] })
    await refusedWith(host, [out], 'Gatehouse cannot be part of a bundle')
  })
}

async function bundled(
  out: string,
  options: { format: Format; packages?: 'external'; external?: string[] },
): Promise<void> {
  const isModule = options.format === 'esm'
  const asFunction = (text: string) =>
    text
      .replace(/(import[\s\S]*?)\n\nconst app/, '$1\nasync function main() {\nconst app')
      .concat('\n}\nmain()\n')
  const entry = example(join(host, 'entry.mjs'), isModule ? undefined : asFunction)
  const banner =
    "import { createRequire as requireOfBundle } from 'node:module'; const require = requireOfBundle(import.meta.url);"
  await build({
    entryPoints: [entry],
    outfile: join(host, out),
    bundle: true,
    platform: 'node',
    logLevel: 'silent',
    ...(isModule && { banner: { js: banner } }),
    ...options,
  })
}

test('works with Node’s permission model if files, addons and worker threads are allowed', async () => {
  example(join(host, 'allowed.mjs'))
  const [major = 0] = process.versions.node.split('.').map(Number)
  const flag = major < 23 ? '--experimental-permission' : '--permission'
  const files = ['--allow-fs-read=*', `--allow-fs-write=${host}/*`]
  const net = major < 25 ? [] : ['--allow-net']
  const flags = ['--no-warnings', flag, ...files, '--allow-addons', ...net]
  await works(host, [...flags, '--allow-worker', 'allowed.mjs'])
  await refusedWith(host, [...flags, 'allowed.mjs'], 'Start Node with --allow-worker.')
})

test('a serverless function is refused', async () => {
  example(join(host, 'function.mjs'))
  const env = { AWS_LAMBDA_FUNCTION_NAME: 'shop' }
  await refusedWith(host, ['function.mjs'], 'Gatehouse cannot run in a serverless function', env)
})

test('works in a workspace, from the packages of its project', async () => {
  const project = join(folder, 'project-of-workspaces')
  const shop = join(project, 'packages/shop')
  mkdirSync(shop, { recursive: true })
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, workspaces: ['packages/*'] }))
  const { dependencies } = JSON.parse(readFileSync(join(host, 'package.json'), 'utf8'))
  const packed = { 'koa-gatehouse': `file:${tarball}` }
  writeFileSync(
    join(shop, 'package.json'),
    JSON.stringify({ name: 'shop', dependencies: { ...dependencies, ...packed } }),
  )
  npm(INSTALL, project)
  copyBinary(project)
  example(join(shop, 'app.mjs'))
  await works(shop, ['app.mjs'])
  await usesDatabaseOf(shop, join(project, 'node_modules/.bin/gatehouse'))
})

test('works in an app that links to a checkout, and its commands find the app’s database', async () => {
  const app = join(folder, 'linking')
  const checkout = join(folder, 'checkout')
  cpSync(join(host, 'node_modules'), join(app, 'node_modules'), { recursive: true })
  rmSync(join(app, 'node_modules/koa-gatehouse'), { recursive: true })
  cpSync(join(host, 'node_modules/koa-gatehouse'), checkout, { recursive: true })
  symlinkSync(join(host, 'node_modules'), join(checkout, 'node_modules'), 'junction')
  symlinkSync(checkout, join(app, 'node_modules/koa-gatehouse'), 'junction')
  example(join(app, 'app.mjs'))
  await works(app, ['app.mjs'])
  await usesDatabaseOf(app, join(app, 'node_modules/.bin/gatehouse'))
})

test('commands use the options that gatehouse.config.js exports', async () => {
  const command = join(host, 'node_modules/.bin/gatehouse')
  const file = './accounts-options.mjs'
  const options = "{ database: 'sqlite:accounts.sqlite', prefix: '/accounts' }"
  writeFileSync(join(host, file), `export const options = ${options}`)
  example(join(host, 'named.mjs'), (text) =>
    text.replace(/accounts\(\{[^}]*\}\)/, `accounts((await import('${file}')).options)`),
  )
  await works(host, ['named.mjs'])
  const named = join(host, 'gatehouse.config.js')
  writeFileSync(named, `export { options as default } from '${file}'`)
  try {
    const list = new Program([command, 'users', 'list'], { cwd: host })
    assert.is(await list.end, 0, list.stderr)
    assert.match(list.stdout, 'Anna')
    const check = new Program([command, 'check'], { cwd: host })
    assert.is(await check.end, 0, check.stdout)
    assert.match(check.stdout, '✔ options: They are those of gatehouse.config.js.')
  } finally {
    rmSync(named)
  }
})

async function usesDatabaseOf(app: string, command: string): Promise<void> {
  const list = new Program([command, 'users', 'list'], {
    cwd: app,
    env: { DATABASE_URL: 'sqlite:accounts.sqlite' },
  })
  assert.is(await list.end, 0, list.stderr)
  assert.match(list.stdout, 'Anna')
  const lost = new Program([command, 'users', 'list'], { cwd: app })
  assert.is(await lost.end, 1)
  assert.match(lost.stderr, 'DATABASE_URL must be set')
}

test('htmx 2 on pages of the app leaves Gatehouse’s pages their own', async () => {
  npm(`${INSTALL} htmx.org@^2.0.11`, host)
  const address = await started(host, [prepared('htmx.mjs')])
  await signsUp(new Visitor(address))
  const browser = await launch()
  const page = await browser.newPage({ baseURL: address })
  try {
    await walk(page)
  } finally {
    await browser.close()
  }
})

async function walk(page: Page): Promise<void> {
  const versions = async () => String(await page.evaluate('htmx.version')).split('.')[0]
  const logIn = async () => {
    await page.waitForURL((url) => url.pathname === '/accounts/login/')
    assert.is(await versions(), '4')
    await fillIn(page, { username: 'Anna', password: PASSWORD })
    await page.click('main form button')
  }
  const basket = page.locator('#basket')
  const arrives = async () => {
    await page.getByText('Hello Anna').waitFor()
    assert.is(new URL(page.url()).pathname, '/')
    assert.is(await versions(), '2')
  }

  await page.goto('/')
  await page.click('text=Log in')
  await page.waitForURL((url) => url.pathname === '/accounts/login/')
  await fillIn(page, { username: 'Anna', password: 'wrong' })
  await page.click('main form button')
  await page.locator('#messages .error').waitFor()
  await logIn()
  await arrives()
  await page.click('text=Show')
  await basket.getByText('Basket of Anna').waitFor()
  await page.click('text=Add')
  await basket.getByText('Anna has an apple').waitFor()

  // A fragment is no page to come back to. A page is, if htmx fetches it.
  for (const [link, back] of [
    ['Show', arrives],
    ['Orders', () => page.getByText('Orders of Anna').waitFor()],
  ] as const) {
    await page.goto('/')
    await page.context().clearCookies()
    await page.click(`text=${link}`)
    await logIn()
    await back()
  }

  await page.goto('/')
  await page.context().clearCookies()
  await page.click('text=Add')
  await basket.getByText('You are logged out').waitFor()
  await basket.locator('a').click()
  await logIn()
  await arrives()
  await page.click('text=Log out')
  await page.waitForURL((url) => url.pathname === '/accounts/logout/')
  await page.click('main form button')
  await page.getByText('You are logged out.').waitFor()
  await page.getByText('Hello stranger').waitFor()
}

test.run()
