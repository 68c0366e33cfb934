import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
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
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../../src/base/package.js'
import { Visitor } from '../support/helpers.js'
import { addressOf, Program } from '../support/program.js'

/*
 * Runs `npm start` and `npm test` in a checkout: in parallel, beside a running site, and with every NODE_ENV. The checkout
 * is a copy without tests, which compiles faster, with the packages of this project.
 */
const COPIED = [
  '.ci',
  'db/migrations',
  'package.json',
  'package-lock.json',
  'public',
  'src',
  'templates',
  'tsconfig.json',
]
const NODE_ENVS = ['', 'development', 'test', 'production']

const test = suite<{ folder: string }>('a checkout')
// The folder's name has characters that are special in URLs and shells.
const checkout = mkdtempSync(join(tmpdir(), "gatehouse-test é#1%20 it's "))
const running: Program[] = []

test.before(() => {
  for (const name of COPIED) cpSync(join(root, name), join(checkout, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'), 'junction')
})
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
})
test.after.each(async ({ folder }) => {
  await Promise.all(running.splice(0).map(ended))
  rmSync(folder, { recursive: true, force: true })
})
test.after(() => rmSync(checkout, { recursive: true, force: true }))

/** Runs `npm start` on a free port, with the settings that production requires. */
function npmStart(folder: string, NODE_ENV: string): Program {
  const settings = {
    BASE_URL: 'http://127.0.0.1',
    HOST: '127.0.0.1',
    PORT: '0',
    MAIL: 'off',
    LOG_LEVEL: 'silent',
  }
  const program = npm('start', checkout, {
    ...settings,
    DATABASE_URL: `sqlite:${join(folder, `${NODE_ENV}.sqlite`)}`,
    NODE_ENV,
  })
  running.push(program)
  return program
}

function npm(command: string, cwd: string, env: Record<string, string>): Program {
  const call = `require('node:child_process').spawn('npm ${command}', { shell: true, stdio: 'inherit' })
    .on('close', (code) => process.exit(code ?? 1))`
  return new Program(['--eval', call], { cwd, env, detached: true })
}

/** Signals the whole process group, as Ctrl-C in a terminal does. */
async function ended({ pid, end }: Program): Promise<void> {
  if (pid !== undefined) process.kill(-pid, 'SIGINT')
  await end
}

function builds(): string[] {
  return readdirSync(join(checkout, 'build')).filter((name) => /^[0-9a-f]+$/.test(name))
}

test('4 parallel npm starts work in a fresh checkout, with every NODE_ENV', async ({ folder }) => {
  const sites = NODE_ENVS.map((NODE_ENV) => npmStart(folder, NODE_ENV))
  for (const address of await Promise.all(sites.map(addressOf))) {
    assert.is((await new Visitor(address).open('/signup/')).status, 200)
  }
  assert.is(builds().length, 1)
  assert.not.ok(existsSync(join(checkout, 'dist')), 'dist belongs to whoever builds for a server')
})

test('a running site keeps its build, which is removed when nobody uses it', async ({ folder }) => {
  const [before = ''] = builds()
  const site = npmStart(folder, '')
  const visitor = new Visitor(await addressOf(site))
  appendFileSync(join(checkout, 'src', 'site.ts'), '\n// Changed.\n')
  await addressOf(npmStart(folder, 'test'))
  assert.is(builds().length, 2)
  // Hashing, emails and the rest are loaded now, when first needed.
  assert.is((await visitor.signUp('Anna')).status, 303)
  await Promise.all(running.splice(0).map(ended))
  await addressOf(npmStart(folder, ''))
  assert.is(builds().length, 1)
  assert.not.equal(builds(), [before])
})

test('sources that do not compile start no site, and leave no lock or partial build', async ({ folder }) => {
  const site = join(checkout, 'src', 'site.ts')
  const text = readFileSync(site, 'utf8')
  writeFileSync(site, `${text}\nconst port: number = 'none'\n`)
  const program = npmStart(folder, '')
  assert.is(await program.end, 1)
  running.pop()
  assert.match(program.stdout, 'src/site.ts')
  assert.equal(readdirSync(join(checkout, 'build')), builds())
  writeFileSync(site, text)
})

test('a killed command leaves nothing that blocks the next one', async ({ folder }) => {
  const { pid } = spawnSync(process.execPath, ['--version'])
  writeFileSync(join(checkout, 'build', 'build.lock'), `${pid} ${hostname()}`)
  mkdirSync(join(checkout, 'build', `draft-${pid}`))
  await addressOf(npmStart(folder, ''))
  assert.equal(readdirSync(join(checkout, 'build')), builds())
})

test('development packages are installed once, with every NODE_ENV', async ({ folder }) => {
  mkdirSync(join(folder, 'tool'))
  writeFileSync(join(folder, 'tool', 'package.json'), JSON.stringify({ name: 'tool', version: '1.0.0' }))
  const devDependencies = { tool: 'file:./tool' }
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'site', version: '1.0.0', devDependencies }),
  )
  cpSync(join(root, '.ci'), join(folder, '.ci'), { recursive: true })
  const env = { NODE_ENV: 'production', NODE_PATH: join(root, 'node_modules'), npm_config_offline: 'true' }
  const lock = npm('install --package-lock-only', folder, env)
  assert.is(await lock.end, 0, lock.stderr)
  const setUp = () => new Program([join(folder, '.ci', 'setup.mjs')], { cwd: folder, env })
  const both = [setUp(), setUp()]
  for (const program of both) assert.is(await program.end, 0, program.stderr)
  assert.ok(existsSync(join(folder, 'node_modules', 'tool', 'package.json')))
  assert.is(both.filter(({ stdout }) => stdout.includes('Installing')).length, 1)
  const again = new Program([join(folder, '.ci', 'setup.mjs')], { cwd: folder, env: { ...env, PATH: '' } })
  assert.is(await again.end, 0, 'npm was not called')
})

test.run()
