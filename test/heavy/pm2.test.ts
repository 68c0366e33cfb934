import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../../src/base/package.js'
import { Program } from '../support/program.js'
import { INSTALL, npm } from './packed.js'

// Imported so that the runner does not run this on both databases: PM2 starts a site with its own.
const { PASSWORD, Visitor, until } = await import('../support/helpers.js')

const test = suite('PM2')
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
const home = join(folder, 'home')
const env = { PM2_HOME: home, PM2_DISABLE_VERSION_CHECK: 'true' }

test.before(() => {
  mkdirSync(home)
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ private: true, dependencies: { pm2: '^7.0.4' } }),
  )
  npm(INSTALL, folder)
})
test.after(async () => {
  await pm2('kill')
})

async function pm2(...args: string[]): Promise<string> {
  const program = new Program([join(folder, 'node_modules/pm2/bin/pm2'), ...args], { cwd: folder, env })
  assert.is(await program.end, 0, program.stdout + program.stderr)
  return program.stdout
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('There is no free port.')
  return address.port
}

/** The file of the docs, for this build and a database of the test. */
function ecosystem(port: number): string {
  const text = readFileSync(join(root, 'docs/deploy/ecosystem.config.cjs'), 'utf8')
  const settings = { PORT: String(port), DATABASE_URL: `sqlite:${join(folder, 'site.sqlite')}`, MAIL: 'off' }
  const file = join(folder, 'ecosystem.config.cjs')
  const site = join(import.meta.dirname, '../../src/site.js')
  writeFileSync(
    file,
    text
      .replace("'dist/src/site.js'", JSON.stringify(site))
      .replace("{ NODE_ENV: 'production', PORT: '3000' }", JSON.stringify(settings)),
  )
  return file
}

async function pidsOf(): Promise<number[]> {
  const list: { pid: number }[] = JSON.parse(await pm2('jlist'))
  return list.map(({ pid }) => pid)
}

test('a reload replaces every process, loses no request and kills none', async () => {
  const port = await freePort()
  await pm2('start', ecosystem(port))
  const before = await pidsOf()
  assert.is(before.length, 2)
  const address = `http://127.0.0.1:${port}`
  const visitor = new Visitor(address)
  await visitor.signUp('Anna')

  const statuses: number[] = []
  const ending = new AbortController()
  const logins = async () => {
    while (!ending.signal.aborted) {
      const one = new Visitor(address)
      statuses.push((await one.logIn('Anna', { password: PASSWORD })).status)
    }
  }
  const running = [logins(), logins(), logins()]
  await until(() => statuses.length > 3, 'logins')
  await pm2('reload', 'gatehouse')
  const atReload = statuses.length
  await until(() => statuses.length > atReload + 3, 'logins afterwards')
  ending.abort()
  await Promise.all(running)

  assert.equal([...new Set(statuses)], [303])
  const after = await pidsOf()
  assert.equal(
    after.filter((pid) => before.includes(pid)),
    [],
  )
  const log = readFileSync(join(home, 'pm2.log'), 'utf8')
  assert.is(log.match(/exited with code \[0\] via signal \[SIGINT\]/g)?.length, 2, log)
  assert.not.match(log, 'SIGKILL')
})

test.run()
