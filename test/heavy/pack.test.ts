import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join, posix } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../../src/base/package.js'
import { blocksOf, documentAt } from '../support/documents.js'
import { Program } from '../support/program.js'
import { FOR_READERS, INSTALL, install, npm, pack } from './packed.js'

// Imported so that the runner does not run this on both databases: the shop has its own.
const { PASSWORD, Visitor } = await import('../support/helpers.js')

/* npm installs the package from its tarball, with its dependencies, into another app. */
const DEV_TYPES = ['@types/better-sqlite3', '@types/pg']

/** Of the bundled programs. */
const CHUNK = /^dist\/src\/(?:[a-z-]+-[A-Z0-9]{8}|hashing-thread)\.js$/

/** Of the packages in them. */
const LICENCES = 'dist/src/bundled-packages.txt'

const test = suite<{ folder: string; host: string; files: string[] }>('the package')

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

test.before((context) => {
  const { filename, files } = pack(folder)
  context.files = files
  context.host = join(folder, 'host')
  cpSync(join(root, 'test', 'support', 'foreign'), context.host, { recursive: true })
  install(context.host, join(folder, filename))
})

function link(name: string, modules: string): void {
  mkdirSync(dirname(join(modules, name)), { recursive: true })
  symlinkSync(join(root, 'node_modules', name), join(modules, name), 'junction')
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

function filesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(root.length + 1)
        .replaceAll('\\', '/'),
    )
}

test('contains code, types, templates, public files, docs and license', ({ files }) => {
  const compiled = [...filesIn('src'), ...filesIn('db/migrations')]
    .map((path) => path.replace(/\.ts$/, ''))
    .flatMap((path) => [`dist/${path}.js`, `dist/${path}.d.ts`])
  const texts = FOR_READERS.flatMap((name) => (name.includes('.') ? [name] : filesIn(name)))
  const wanted = [...compiled, ...['templates', 'public', 'db/migrations'].flatMap(filesIn), ...texts]
  const chunks = files.filter((path) => CHUNK.test(path))
  assert.ok(chunks.length > 0)
  assert.equal([...files].sort(), [...wanted, ...chunks, LICENCES, 'LICENSE', 'package.json'].sort())
})

test('contains the license of each package in its programs', ({ host, files }) => {
  const licences = readFileSync(join(host, 'node_modules/koa-gatehouse', LICENCES), 'utf8')
  const built = join(import.meta.dirname, '../../src')
  const bundled = files
    .filter((path) => CHUNK.test(path))
    .flatMap(
      (path): string[] => JSON.parse(readFileSync(join(built, `${basename(path)}.map`), 'utf8')).sources,
    )
    .flatMap((source) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(source)?.[1] ?? [])
  assert.ok(bundled.includes('koa'))
  assert.equal(
    [...new Set(bundled)].filter((name) => !licences.includes(`\n${name} `)),
    [],
  )
})

test('has programs of which a character takes one byte of memory', ({ host, files }) => {
  const programs = files.filter((path) => CHUNK.test(path) || /^dist\/src\/(?:cli|site)\.js$/.test(path))
  const wide = programs.filter((path) =>
    /[^\0-\xff]/.test(readFileSync(join(host, 'node_modules/koa-gatehouse', path), 'utf8')),
  )
  assert.equal(wide, [])
})

test('contains every file that its docs link to', ({ files }) => {
  const isThere = (path: string) => files.some((file) => file === path || file.startsWith(`${path}/`))
  const missing = files
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) =>
      [...read(file).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, to = '']) =>
        posix.join(posix.dirname(file), to),
      ),
    )
    .filter((path) => !isThere(path))
  assert.equal(missing, [])
})

test('shares packages with its app', ({ host }) => {
  const nested = join(host, 'node_modules/koa-gatehouse/node_modules')
  assert.equal(existsSync(nested) ? readdirSync(nested) : [], [])
  const { peerDependencies } = JSON.parse(
    readFileSync(join(host, 'node_modules/koa-gatehouse/package.json'), 'utf8'),
  )
  assert.equal(Object.keys(peerDependencies), ['better-sqlite3', 'koa'])
})

test('runs no scripts when installed', ({ host, files }) => {
  const { scripts } = JSON.parse(readFileSync(join(host, 'node_modules/koa-gatehouse/package.json'), 'utf8'))
  const atInstall = /^(?:pre|post)?(?:install|prepare)$|^(?:pre|post)?uninstall$/
  assert.equal(
    Object.keys(scripts).filter((name) => atInstall.test(name)),
    [],
  )
  assert.not.ok(files.includes('binding.gyp'))
})

for (const skipLibCheck of [true, false]) {
  test(`compiles in a strict app ${skipLibCheck ? 'without' : 'with'} checking libraries`, ({ host }) => {
    compile(host, 'typed.ts', { skipLibCheck })
  })
}

test('has a README whose example compiles in a strict app', ({ host }) => {
  link('@types/koa-bodyparser', join(host, 'node_modules'))
  const [example] = blocksOf(documentAt('README.md')).filter(({ language }) => language === 'ts')
  writeFileSync(join(host, 'readme.ts'), example?.text ?? '')
  compile(host, 'readme.ts', { skipLibCheck: true })
})

test('accepts the app’s database handles with their own types', ({ host }) => {
  for (const name of DEV_TYPES) link(name, join(host, 'node_modules'))
  compile(host, 'handles.ts', { skipLibCheck: false })
})

function compile(host: string, file: string, { skipLibCheck }: { skipLibCheck: boolean }): void {
  const options = {
    target: 'es2022',
    module: 'nodenext',
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noEmit: true,
    skipLibCheck,
  }
  const config = join(host, 'tsconfig.json')
  writeFileSync(config, JSON.stringify({ compilerOptions: options, files: [file] }))
  const { resolve } = createRequire(import.meta.url)
  const { bin } = JSON.parse(readFileSync(resolve('typescript/package.json'), 'utf8'))
  const compiler = join(dirname(resolve('typescript/package.json')), bin.tsc)
  const { stdout, status } = spawnSync(process.execPath, [compiler, '-p', config], { encoding: 'utf8' })
  assert.is(status, 0, stdout)
}

test('exports its entry, its test kit and package.json, and nothing else', async ({ host }) => {
  const script = `
    import { createRequire } from 'node:module'
    const { accounts } = await import('koa-gatehouse')
    const { testKit } = await import('koa-gatehouse/testing')
    const { default: { version } } = await import('koa-gatehouse/package.json', { with: { type: 'json' } })
    const inner = await import('koa-gatehouse/dist/src/secrets/keyring.js').catch(({ code }) => code)
    console.log(typeof accounts, typeof testKit, version, inner, typeof createRequire(import.meta.url)('koa-gatehouse').accounts)
  `
  const program = new Program(['--input-type=module', '-e', script], { cwd: host })
  await program.end
  const { version } = JSON.parse(read('package.json'))
  assert.is(
    program.stdout.trim(),
    `function function ${version} ERR_PACKAGE_PATH_NOT_EXPORTED function`,
    program.stderr,
  )
})

test('has working commands', async ({ host }) => {
  const place = join(host, 'node_modules/koa-gatehouse')
  const { bin } = JSON.parse(readFileSync(join(place, 'package.json'), 'utf8'))
  assert.match(readFileSync(join(place, bin.gatehouse), 'utf8'), /^#!\/usr\/bin\/env node\n/)
  const program = new Program([join(place, bin.gatehouse), '--help'], { cwd: host })
  assert.is(await program.end, 0)
  assert.match(program.stdout, 'Usage: gatehouse <command>')
  const told = new Program([join(place, bin.gatehouse), '--version'], { cwd: host })
  assert.is(await told.end, 0)
  assert.is(told.stdout, `${JSON.parse(read('package.json')).version}\n`)
})

test('has commands that require DATABASE_URL, and create nothing in node_modules', async ({ host }) => {
  const command = join(host, 'node_modules/koa-gatehouse/dist/src/cli.js')
  writeFileSync(join(host, 'other.sqlite'), '')
  for (const [env, sentence] of [
    [{}, /^DATABASE_URL must be set if Gatehouse is a dependency of your app\. /m],
    [
      { DATABASE_URL: 'postgres://127.0.0.1:9/shop' },
      /^SESSION_KEYS must be set if Gatehouse is a dependency of your app/m,
    ],
    [
      { DATABASE_URL: 'sqlite:other.sqlite' },
      /^There is no key file .+other\.sqlite\.key\. Set SESSION_KEYS/m,
    ],
  ] satisfies [Record<string, string>, RegExp][]) {
    const program = new Program([command, 'users', 'list'], { cwd: host, env })
    assert.is(await program.end, 1)
    assert.match(program.stderr, sentence)
  }
  const site = new Program([join(host, 'node_modules/koa-gatehouse/dist/src/site.js')], { cwd: host })
  assert.is(await site.end, 1)
  assert.match(site.stderr, /^DATABASE_URL must be set/m)
  assert.not.ok(existsSync(join(host, 'node_modules/koa-gatehouse/db/data')))
})

test('adds accounts to an app, which otherwise stays the same', async ({ host }) => {
  await assertWalk(host)
  const command = join(host, 'node_modules/koa-gatehouse/dist/src/cli.js')
  const mails = new Program([command, 'mails'], { cwd: host, env: { DATABASE_URL: 'sqlite:shop.sqlite' } })
  assert.is(await mails.end, 0, mails.stderr)
  assert.match(mails.stdout, 'No emails are waiting')
})

test('works and compiles with Koa 2', async ({ host }) => {
  npm(`${INSTALL} koa@^2.16.0 @types/koa@^2.15.0`, host)
  const { version } = JSON.parse(readFileSync(join(host, 'node_modules/koa/package.json'), 'utf8'))
  assert.match(version, /^2\./)
  compile(host, 'typed.ts', { skipLibCheck: false })
  for (const name of readdirSync(host)) if (name.startsWith('shop.sqlite')) rmSync(join(host, name))
  await assertWalk(host)
})

async function assertWalk(host: string): Promise<void> {
  const shop = new Program(['app.js'], { cwd: host })
  try {
    const [, address = ''] = await shop.says(/^The shop listens on (.+)$/m)
    for (const htmx of [false, true]) await walk(address, { htmx })
    await assertItsOwn(address)
  } finally {
    shop.signal('SIGTERM')
  }
  assert.is(await shop.end, 0, shop.stderr)
  assert.match(shop.stdout, 'The shop closes with 2 orders, foreign_keys 0.')
  assert.is(shop.stderr, '')
}

async function walk(address: string, { htmx }: { htmx: boolean }): Promise<void> {
  const visitor = new Visitor(address, { htmx })
  const name = htmx ? 'Anna' : 'Bela'
  const whereTo = (page: Awaited<ReturnType<typeof visitor.open>>) =>
    htmx ? page.onward : page.headers.location
  await visitor.send(await visitor.open('/'), { thing: 'an apple' })
  const before = await visitor.open('/')
  assert.is(before.$('h1').text(), 'Welcome, stranger')
  assert.is(before.$('#kept').text(), '{"basket":["an apple"]}')
  assert.is((await visitor.open('/orders')).headers.location, '/members/login/?next=%2Forders')

  const typed = { username: name, email: `${name}@example.com`, password: PASSWORD, repassword: PASSWORD }
  assert.is(whereTo(await visitor.send(await visitor.open('/members/signup/'), typed)), '/')
  const login = await visitor.open('/members/login/?next=/orders')
  assert.match(login.text, 'The shop')
  assert.is(whereTo(await visitor.send(login, { username: name, password: PASSWORD })), '/orders')

  const orders = await visitor.open('/orders')
  assert.is(orders.$('h1').text(), `Orders of ${name}`)
  await visitor.send(orders)
  assert.is((await visitor.open('/orders')).$('#orders').text(), 'an apple')
  assert.is((await visitor.open('/')).$('#basket').text(), 'an apple', 'the basket is still there')

  await visitor.send(await visitor.open('/members/logout/'))
  const after = await visitor.open('/')
  assert.is(after.$('h1').text(), 'Welcome, stranger')
  const { gatehouse: _ours, ...theirs } = JSON.parse(after.$('#kept').text())
  assert.equal(theirs, { basket: ['an apple'] })
  assert.is((await visitor.open('/orders')).headers.location, '/members/login/?next=%2Forders')
}

async function assertItsOwn(address: string): Promise<void> {
  const visitor = new Visitor(address)
  for (const path of ['/nowhere', '/login/', '/members', '/members/nowhere/', '/assets/site.css']) {
    const page = await visitor.open(path)
    assert.is(page.status, 404, path)
    assert.is(page.text, 'The shop’s own 404.')
    assert.is(page.headers['content-security-policy'], undefined)
  }
  assert.is((await visitor.open('/members/of/the/month')).text, 'Nobody yet.')
  const broken = await visitor.open('/broken')
  assert.is(broken.status, 500)
  assert.is(broken.text, 'The shop’s own 500.')
  const heard = await visitor.agent.post('/api').send({ nested: { list: [1, 2] } })
  assert.equal(heard.body, { heard: { nested: { list: [1, 2] } } })
  const page = await visitor.open('/')
  assert.equal(page.cookies, [], 'a visitor who needs no cookie gets none')
}

test.run()
