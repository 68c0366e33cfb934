import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { assertDone, assertRefused, GATEHOUSE, type Outcome } from './support/calling.js'
import { migratedDatabase } from './support/databases.js'
import { Site } from './support/helpers.js'
import { Program } from './support/program.js'

const test = suite('gatehouse.config.js')
const KEY = Buffer.alloc(32, 7).toString('base64url')
let database: string
let folder: string

test.before.each(async () => {
  database = await migratedDatabase()
  await (await Site.start({ database, environment: { SESSION_KEYS: KEY } })).close()
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
})
test.after.each(() => rmSync(folder, { recursive: true }))

/** Calls a command of an app with these options, as code. */
async function call(
  args: string[],
  options: string,
  env = {},
  { input = '', name = 'gatehouse.config.mjs' } = {},
): Promise<Outcome> {
  writeFileSync(join(folder, name), options)
  const program = new Program([GATEHOUSE, ...args], { cwd: folder, env })
  program.tell(input)
  const code = await program.end
  return { code, stdout: program.stdout, stderr: program.stderr }
}

function exported(more = ''): string {
  return `export default { database: '${database}', keys: ['${KEY}'], baseUrl: 'https://example.com', ${more} }`
}

test('commands use the database, password rules, hooks and onEvent of the app', async () => {
  const create = ['users', 'create', 'Anna', 'anna@example.com', '--password-stdin']
  const short = await call(create, exported('passwordMinLength: 20'), {}, { input: 'fifteen letters' })
  assertRefused(short, 1, /at least 20 characters/)
  const heard = "onEvent: ({ kind, by }) => console.log('heard', kind, by)"
  const made = await call(create, exported(heard), {}, { input: 'fifteen letters' })
  assertDone(made)
  assert.match(made.stdout, 'heard signed_up cli:users create')
  assert.match((await call(['users', 'list'], exported())).stdout, 'Anna')
  const duringErase = "hooks: { async duringErase(_, user) { console.log('erasing', user.name) } }"
  const erased = await call(['users', 'delete', 'Anna', '--yes'], exported(duringErase))
  assertDone(erased)
  assert.match(erased.stdout, 'erasing Anna')
})

test('check reads the options, and names them instead of variables', async () => {
  const good = await call(['check'], exported())
  assert.is(good.code, 0, good.stdout)
  assert.match(good.stdout, '✔ options: They are those of gatehouse.config.mjs.')
  assert.match(good.stdout, '✔ keys: keys holds 1 key.')
  assert.match(good.stdout, 'because baseUrl is https')
  assert.not.match(good.stdout, /TRUST_PROXY|BASE_URL/)
  const bad = await call(['check'], exported("passwordMinLength: 6, limits: 'off'"), {
    NODE_ENV: 'production',
  })
  assert.is(bad.code, 1)
  assert.match(bad.stdout, '⚠ passwords: passwordMinLength is 6.')
  assert.match(bad.stdout, '✘ limits: limits is off.')
})

test('check says what a command cannot know of an app, and how to see it', async () => {
  const found = async (more: string, env = {}) => (await call(['check'], exported(more), env)).stdout
  const production = { NODE_ENV: 'production' }
  const here = await found("prefix: '/members'")
  assert.match(here, '⚠ environment: NODE_ENV is not production here.')
  assert.match(here, '⚠ proxy: Commands cannot see app.proxy of your app.')
  assert.match(here, 'with the one at /members/account/activity/.')
  const off = await found("baseUrl: 'http://localhost:3000/club', features: { 'account/activity': false }")
  assert.match(off, /^✔ proxy: Commands cannot see .* visitors choose theirs\.$/m)
  assert.match(off, '⚠ cookie: Cookies are not Secure, because baseUrl is http://localhost:3000/club.')
  const own = await found("baseUrl: 'https://example.com/club', address: (ctx) => ctx.ip", production)
  assert.match(own, '✔ environment: The options are checked as those of a public site')
  assert.match(own, '✔ proxy: Your function address reads the IP address of visitors.')
  assert.match(own, 'at /club/account/activity/.')
  const open = "development: true, baseUrl: 'http://example.com'"
  assert.match(await found(open), '⚠ environment: development is true.')
  const wrong = await found(open, production)
  assert.match(wrong, '✘ environment: development is true.')
  assert.match(wrong, '✘ cookie: Cookies are not Secure')
})

test('a wrong option, file or export gets one sentence', async () => {
  const wrong = await call(['check'], exported("theme: 'pink'"))
  assert.is(wrong.code, 1)
  assert.match(wrong.stdout, '✘ settings: gatehouse.config.mjs: Option theme must be')
  assertRefused(await call(['users', 'list'], exported('workers: 0')), 1, /Option workers must be/)
  const conflict = exported("prefix: 'members'")
  assertRefused(await call(['users', 'list'], conflict), 1, /Option prefix must look like \/members/)
  assertRefused(
    await call(['users', 'list'], 'export const options = {}'),
    1,
    /has no default export\. Export/,
  )
  assertRefused(await call(['users', 'list'], "throw new Error('lost')"), 1, /cannot be loaded: lost/)
})

test('the options may be a promise, and the file CommonJS', async () => {
  assertDone(await call(['users', 'list'], exported().replace('default', 'default await')))
  rmSync(join(folder, 'gatehouse.config.mjs'))
  const cjs = exported().replace('export default', 'module.exports =')
  assertDone(await call(['users', 'list'], cjs, {}, { name: 'gatehouse.config.cjs' }))
})

test('DATABASE_URL must not name another database', async () => {
  const other = await call(['users', 'list'], exported(), { DATABASE_URL: 'sqlite:other.sqlite' })
  assertRefused(other, 1, /DATABASE_URL and gatehouse\.config\.mjs name different databases\./)
  assertDone(await call(['users', 'list'], exported(), { DATABASE_URL: database }))
})

test('templates come from the folders of the app', async () => {
  const listed = await call(['templates', '--diff'], exported(`templates: ['${folder}']`))
  assertDone(listed)
  assert.match(listed.stdout, `${folder} overrides nothing.`)
})

test.run()
