import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../../src/base/package.js'
import { aboutTemplate, templateNames } from '../../src/views/templates.js'
import { callIn } from '../support/calling.js'

interface Context {
  /** The working folder of the command. */
  here: string
  /** The app's templates. */
  folder: string
}

const test = suite<Context>('gatehouse templates')

test.before.each((context) => {
  context.here = mkdtempSync(join(tmpdir(), 'gatehouse-templates-'))
  context.folder = join(context.here, 'mine')
})
test.after.each(({ here }) => rmSync(here, { recursive: true }))

const ORIGINAL = readFileSync(join(root, 'templates', 'login', 'page.html'), 'utf8')

function call({ here }: Context, ...args: string[]) {
  return callIn(here, ['templates', ...args])
}

async function copied(context: Context, name = 'login/page.html'): Promise<void> {
  const { code, stderr } = await call(context, 'copy', name, '--folder', context.folder)
  assert.is(code, 0, stderr)
}

function write({ folder }: Context, name: string, text: string): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  writeFileSync(join(folder, name), text)
}

interface Notes {
  templates: Record<string, { sha256: string; version: string; original: string }>
}

function notes({ folder }: Context): Notes {
  return JSON.parse(readFileSync(join(folder, '.gatehouse.json'), 'utf8'))
}

/** Changes the stored original as if the login page had been different when it was copied. */
function age(context: Context): void {
  const original = ORIGINAL.replace('Go to your account', 'Are you new?')
  const past = { sha256: '0'.repeat(64), version: '0.0.1', original }
  write(context, '.gatehouse.json', JSON.stringify({ templates: { 'login/page.html': past } }))
}

test('lists every template with a description', async (context) => {
  const { code, stdout } = await call(context)
  assert.is(code, 0)
  const lines = stdout.trimEnd().split('\n')
  assert.equal(
    lines.map((line) => line.split(' ', 1)[0]),
    templateNames(),
  )
  for (const name of templateNames()) assert.ok(aboutTemplate(name).length > 2, name)
  assert.match(stdout, /^login\/page\.html +Log in$/m)
  assert.match(stdout, /^parts\/messages\.html +The content of the message box/m)
  assert.match(stdout, /^mail\/email-taken\.html +You already have an account at \{site\}$/m)
})

test('marks overrides, ignored files, and files that override nothing', async (context) => {
  const other = join(context.here, 'others')
  write({ ...context, folder: other }, 'login/page.html', 'theirs')
  write(context, 'login/page.html', 'mine')
  write(context, 'login/pgae.html', 'mistyped')
  write(context, 'shop/page.html', '{% include "shop/cart.html" %}')
  write(context, 'shop/cart.html', '')
  const { stdout } = await call(context, '--folder', 'mine', '--folder', other)
  const mine = join(context.folder, 'login', 'page.html')
  const theirs = join(other, 'login', 'page.html')
  assert.match(stdout, `Log in\n  overridden by ${mine}\n  ignored: ${theirs}\nlogin/passkey/button.html`)
  assert.match(
    stdout,
    `Files in ${context.folder} that override nothing:\n  login/pgae.html: did you mean login/page.html?\n`,
  )
  assert.match(stdout, /^ {2}shop\/page\.html$/m)
  assert.match(stdout, /^ {2}shop\/cart\.html \(used by another template there\)$/m)
  assert.not.match(stdout, `Files in ${other} that`)
  writeFileSync(join(context.here, '.env'), `TEMPLATES="${['mine', other].join(delimiter)}"`)
  assert.is((await call(context)).stdout, stdout, 'with the setting, too')
})

test('copies a template, notes its original, and overwrites nothing', async (context) => {
  await copied(context)
  await copied(context, 'mail/email-taken.txt')
  assert.is(readFileSync(join(context.folder, 'login/page.html'), 'utf8'), ORIGINAL)
  assert.equal(Object.keys(notes(context).templates), ['login/page.html', 'mail/email-taken.txt'])
  const note = notes(context).templates['login/page.html']
  assert.is(note?.original, ORIGINAL)
  assert.match(note?.sha256 ?? '', /^[0-9a-f]{64}$/)
  assert.match(note?.version ?? '', /^\d+\.\d+\.\d+/)
  write(context, 'login/page.html', 'mine')
  const again = await call(context, 'copy', 'login/page.html', '--folder', 'mine')
  assert.is(again.code, 1)
  assert.match(again.stderr, /already exists\. Nothing was changed/)
  assert.is(readFileSync(join(context.folder, 'login/page.html'), 'utf8'), 'mine')
})

test('copies only built-in templates, and only to one folder', async (context) => {
  for (const name of ['login/nothing.html', '../package.json', '/etc/passwd', 'languages/README.md']) {
    const { code, stderr } = await call(context, 'copy', name, '--folder', 'mine')
    assert.is(code, 1)
    assert.match(stderr, `Unknown template: ${name}`)
  }
  assert.is((await call(context, 'copy', 'login/page.html')).code, 2)
  assert.is((await call(context, 'copy', 'login/page.html', '--folder', 'a', '--folder', 'b')).code, 2)
  assert.is((await call(context, 'copy', '--folder', 'mine')).code, 2)
  assert.is((await call(context, 'burn', 'login/page.html', '--folder', 'mine')).code, 2)
  assert.not.ok(existsSync(context.folder))
})

test('--diff tells unchanged copies from edited ones apart', async (context) => {
  await copied(context)
  await copied(context, 'signup/page.html')
  appendFileSync(join(context.folder, 'signup/page.html'), 'more')
  const crlf = ORIGINAL.replaceAll('\n', '\r\n')
  write(context, 'login/page.html', crlf)
  const { code, stdout } = await call(context, '--diff', '--folder', 'mine')
  assert.is(code, 0)
  assert.match(stdout, /^login\/page\.html: same as the original$/m)
  assert.match(stdout, /^signup\/page\.html: edited; the original has not changed since/m)
})

test('--diff shows how an original has changed, and exits with 1', async (context) => {
  write(context, 'login/page.html', 'mine')
  age(context)
  const { code, stdout } = await call(context, '--diff', '--folder', 'mine')
  assert.is(code, 1)
  assert.match(stdout, /^login\/page\.html: outdated: .* since 0\.0\.1/m)
  assert.match(
    stdout,
    /^--- login\/page\.html\toriginal when copied, 0\.0\.1\n\+\+\+ login\/page\.html\toriginal now, /m,
  )
  assert.match(stdout, /^-.*Are you new\?/m)
  assert.match(stdout, /^\+.*Go to your account/m)
  const kept = await call(context, 'keep', 'login/page.html', '--folder', 'mine')
  assert.is(kept.code, 0, kept.stderr)
  const now = await call(context, '--diff', '--folder', 'mine')
  assert.is(now.code, 0)
  assert.match(now.stdout, /^login\/page\.html: edited/m)
})

test('--diff reports an original that no longer exists', async (context) => {
  write(context, 'login/door.html', 'mine')
  const past = { sha256: '', version: '0.0.1', original: 'theirs' }
  write(context, '.gatehouse.json', JSON.stringify({ templates: { 'login/door.html': past } }))
  const { code, stdout } = await call(context, '--diff', '--folder', 'mine')
  assert.is(code, 1)
  assert.match(stdout, /^login\/door\.html: unused: the original of 0\.0\.1 no longer exists/m)
})

test('--diff compares an override that was not copied with the original', async (context) => {
  write(context, 'login/page.html', ORIGINAL.replace('Go to your account', 'Are you new?'))
  const { code, stdout } = await call(context, '--diff', '--folder', 'mine')
  assert.is(code, 0)
  assert.match(stdout, /^login\/page\.html: not copied with gatehouse templates copy/m)
  assert.match(stdout, /^-.*Go to your account/m)
  assert.match(stdout, /^\+.*Are you new\?/m)
})

test('wrong usage gets one sentence', async (context) => {
  for (const args of [[], ['--diff'], ['keep', 'login/page.html']]) {
    const { code, stderr } = await call(context, ...args, '--folder', 'mine')
    assert.is(code, 1)
    assert.is(stderr, `Folder not found: ${context.folder}.\n`)
  }
  assert.is((await call(context, '--diff')).code, 2)
  write(context, '.gatehouse.json', '{')
  const { code, stderr } = await call(context, 'copy', 'login/page.html', '--folder', 'mine')
  assert.is(code, 1)
  assert.match(stderr, /\.gatehouse\.json is damaged/)
  assert.not.ok(existsSync(join(context.folder, 'login')))
})

test.run()
