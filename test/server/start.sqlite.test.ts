import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { addressOf, launchSite, Program, refusal, status } from '../support/program.js'

const KEY = `${'k'.repeat(42)}A`

interface Context {
  folder: string
  file: string
}

const test = suite<Context>('start on SQLite')

test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
  context.file = join(context.folder, 'site.sqlite')
})

test.after.each(({ folder }) => rmSync(folder, { recursive: true }))

/** Starts a site with its own database on a free port. */
function launch({ folder, file }: Context, env: Record<string, string> = {}): Program {
  return launchSite(folder, { DATABASE_URL: `sqlite:${file}`, ...env })
}

test('creates database and key with mode 0600, and leaves no log file', async (context) => {
  const program = launch(context)
  await addressOf(program)
  assert.is(statSync(context.file).mode & 0o777, 0o600)
  assert.is(statSync(`${context.file}.key`).mode & 0o777, 0o600)
  program.signal('SIGINT')
  assert.is(await program.end, 0)
  assert.ok(!existsSync(`${context.file}-wal`) || statSync(`${context.file}-wal`).size === 0)
})

const SITE = pathToFileURL(join(import.meta.dirname, '../../src/site.js')).href
const LOADER = `import(${JSON.stringify(SITE)})\n`

/** Ways to load the site from another program. */
const LOADED: [how: string, load: (folder: string) => string[], env?: Record<string, string>][] = [
  ['by another program, as PM2 does', (folder) => [script(folder, 'pm2.cjs', LOADER)]],
  [
    'by such a program, with two workers',
    (folder) => [script(folder, 'pm2.cjs', LOADER)],
    { WEB_CONCURRENCY: '2' },
  ],
  ['by a line of script', () => ['--eval', LOADER]],
  ['through a link', (folder) => [linked(folder)]],
  [
    'after other modules',
    (folder) => [
      '--require',
      script(folder, 'a.cjs', ''),
      '--import',
      script(folder, 'b.mjs', ''),
      fileURLToPath(SITE),
    ],
  ],
]

for (const [how, load, env] of LOADED) {
  test(`starts when it is loaded ${how}`, async ({ folder, file }) => {
    const program = new Program(load(folder), {
      cwd: folder,
      env: { PORT: '0', DATABASE_URL: `sqlite:${file}`, ...env },
    })
    assert.is(await status(`${await addressOf(program)}/readyz`), 200)
    program.signal('SIGINT')
    assert.is(await program.end, 0)
  })
}

test('says where caught emails can be read', async (context) => {
  for (const [env, hint] of [
    [{}, 'npm run dev'],
    [{ NODE_ENV: 'development' }, '/dev/mailbox/'],
  ] as const) {
    const program = launch(context, env)
    await program.says(/^Emails are caught, not sent\. .+$/m)
    assert.match(program.stdout, hint)
    program.signal('SIGINT')
    assert.is(await program.end, 0)
  }
})

function script(folder: string, name: string, text: string): string {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

function linked(folder: string): string {
  symlinkSync(fileURLToPath(SITE), join(folder, 'site.js'))
  return join(folder, 'site.js')
}

test('names a file that is not a database, and leaves it unchanged', async (context) => {
  const content = Buffer.from('This is a letter, and no database at all.\n'.repeat(300))
  writeFileSync(context.file, content, { mode: 0o640 })
  const before = statSync(context.file)
  const sentences = await refusal(launch(context))
  assert.is(sentences.length, 1)
  assert.match(sentences[0] ?? '', 'DATABASE_URL')
  assert.match(sentences[0] ?? '', context.file)
  assert.ok(readFileSync(context.file).equals(content))
  assert.is(statSync(context.file).mtimeMs, before.mtimeMs)
  assert.is(statSync(context.file).mode, before.mode)
})

// Root can write to any folder.
const tested = process.getuid?.() === 0 ? test.skip : test

tested('names a folder that is not writable, which SQLite needs even to read', async (context) => {
  const first = launch(context, { SESSION_KEYS: KEY })
  await addressOf(first)
  first.signal('SIGINT')
  await first.end
  chmodSync(context.folder, 0o500)
  const sentences = await refusal(launch(context, { SESSION_KEYS: KEY }))
  chmodSync(context.folder, 0o700)
  assert.is(sentences.length, 1)
  assert.match(sentences[0] ?? '', 'its folder is not writable. SQLite needs that even to read')
})

test('names a folder that cannot be created', async (context) => {
  const obstacle = join(context.folder, 'letter')
  writeFileSync(obstacle, '')
  const sentences = await refusal(launch(context, { DATABASE_URL: `sqlite:${obstacle}/data/site.sqlite` }))
  assert.is(sentences.length, 1)
  assert.match(sentences[0] ?? '', 'DATABASE_URL')
  assert.match(sentences[0] ?? '', obstacle)
})

for (const [what, content] of [
  ['cut', `${KEY.slice(0, 20)}\n`],
  ['empty', ''],
  ['binary', Buffer.from([0, 255, 1, 254])],
] as const) {
  test(`names a key file that is ${what}, and leaves it unchanged`, async (context) => {
    const keyFile = `${context.file}.key`
    writeFileSync(keyFile, content)
    const sentences = await refusal(launch(context))
    assert.is(sentences.length, 1)
    assert.match(sentences[0] ?? '', keyFile)
    assert.ok(readFileSync(keyFile).equals(Buffer.from(content)))
  })
}

test('names a folder in place of the key file', async (context) => {
  mkdirSync(`${context.file}.key`)
  const sentences = await refusal(launch(context))
  assert.match(sentences[0] ?? '', `${context.file}.key`)
})

test.run()
