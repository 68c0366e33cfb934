import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../../src/base/package.js'
import { blocksOf, documentAt } from '../support/documents.js'
import { Program } from '../support/program.js'

// Imported so that the runner does not run this on both databases: the app has its own.
const { Visitor } = await import('../support/helpers.js')

/*
 * Runs the first example of a page unchanged, as a file of an app that has the package. Only the port is replaced by a
 * free one.
 */
const test = suite('mounting as in the docs')

const PACKAGES = ['@koa/router', 'koa', 'koa-bodyparser', 'koa-session']
const FREE_PORT = `
  import { Server } from 'node:net'
  const { listen } = Server.prototype
  Server.prototype.listen = function (port, ...rest) {
    this.once('listening', () => console.log('listens on http://127.0.0.1:' + this.address().port))
    return listen.call(this, { port: 0, host: '127.0.0.1' }, ...rest)
  }
`

let folder: string

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
  const modules = join(folder, 'node_modules')
  mkdirSync(join(modules, '@koa'), { recursive: true })
  for (const name of PACKAGES) symlinkSync(join(root, 'node_modules', name), join(modules, name), 'junction')
  mkdirSync(join(modules, 'koa-gatehouse'))
  symlinkSync(join(import.meta.dirname, '../..'), join(modules, 'koa-gatehouse/dist'), 'junction')
  const { name, type, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  writeFileSync(join(modules, 'koa-gatehouse/package.json'), JSON.stringify({ name, type, exports }))
  writeFileSync(join(folder, 'free-port.mjs'), FREE_PORT)
})
test.after.each(() => rmSync(folder, { recursive: true, force: true }))

for (const [path, paths] of [
  ['README.md', ['/', '/accounts/login/?next=%2F']],
  ['docs/mounting.md', ['/private/', '/accounts/login/?next=%2Fprivate%2F']],
  ['docs/accounts-in-code.md', ['/staff/Anna/', '/accounts/login/?next=%2Fstaff%2FAnna%2F']],
] as const) {
  test(`the first example of ${path} starts a site with a login`, async () => {
    const example = blocksOf(documentAt(path)).find(({ label }) => label === 'app.mjs')
    writeFileSync(join(folder, 'app.mjs'), example?.text ?? '')
    const app = new Program(['--import', './free-port.mjs', 'app.mjs'], { cwd: folder })
    const [, address = ''] = await app.says(/^listens on (.+)$/m)
    const guarded = await fetch(address + paths[0], { redirect: 'manual' })
    assert.is(guarded.headers.get('location'), paths[1])
    const login = await fetch(address + paths[1])
    assert.is(login.status, 200)
    assert.match(await login.text(), 'name="password"')
    app.kill()
    await app.end
  })
}

test('the account that docs/accounts-in-code.md creates can log in and see itself', async () => {
  const [example, inAndOut] = blocksOf(documentAt('docs/accounts-in-code.md'))
  const partner = createServer((request, response) => {
    response.statusCode = request.url === '/whoami?ticket=bela' ? 403 : 200
    response.end(JSON.stringify({ email: 'Anna@example.com' }))
  })
  await once(partner.listen(0, '127.0.0.1'), 'listening')
  const { port } = Object(partner.address())
  const added = inAndOut?.text.replace('https://partner.example', `http://127.0.0.1:${port}`)
  writeFileSync(join(folder, 'app.mjs'), `${example?.text}${added}`)
  const app = new Program(['--import', './free-port.mjs', 'app.mjs'], { cwd: folder })
  const [, address = ''] = await app.says(/^listens on (.+)$/m)
  const visitor = new Visitor(address)
  const login = await visitor.open('/accounts/login/?next=/staff/Anna/')
  const done = await visitor.send(login, { username: 'Anna', password: 'correct horse 42' })
  assert.is(done.headers.location, '/staff/Anna/')
  assert.match((await visitor.open('/staff/Anna/')).text, /^Anna, anna@example\.com, since 20/)
  assert.is((await visitor.open('/staff/Bela/')).status, 404)
  await visitor.post('/leave/', '')
  assert.is((await visitor.open('/staff/Anna/')).status, 303)
  assert.is((await visitor.open('/partner/callback/')).headers.location, '/orders/')
  assert.is((await visitor.open('/staff/Anna/')).status, 200)
  assert.match(
    (await new Visitor(address).open('/partner/callback/?ticket=bela')).text,
    'disabled or unknown',
  )
  partner.close()
  app.kill()
  await app.end
})

test('the tests of docs/testing.md pass under the runner of Node', async () => {
  const [app, tests] = blocksOf(documentAt('docs/testing.md'))
  writeFileSync(join(folder, 'app.mjs'), app?.text ?? '')
  writeFileSync(join(folder, 'app.test.mjs'), tests?.text ?? '')
  const program = new Program(['--test'], { cwd: folder })
  assert.is(await program.end, 0, program.stdout + program.stderr)
  assert.match(program.stdout, /^. pass 3$/m)
  assert.match(program.stdout, /^. fail 0$/m)
})

test.run()
