import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../src/base/package.js'
import { Program } from './support/program.js'

/* The test runner, with two files instead of the real ones. */

const test = suite('the test runner')
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
// As deep as the real build, so that its source maps work.
const BUILD = join(folder, relative(root, join(import.meta.dirname, '..')))
const RUNNER = join(BUILD, 'test', 'run.js')

test.before(() => {
  cpSync(join(import.meta.dirname, '..'), BUILD, {
    recursive: true,
    filter: (path) => !path.endsWith('.test.js'),
  })
  for (const name of ['package.json', 'src', 'templates'])
    cpSync(join(root, name), join(folder, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
  write('good', "test('one', () => {})")
  write('bad', "test('two', () => { throw new Error('A reason.') })")
})
test.after(() => rmSync(folder, { recursive: true, force: true }))

function write(name: string, body: string): void {
  const text = `import { suite } from 'uvu'\nconst test = suite('${name}')\n${body}\ntest.run()\n`
  writeFileSync(join(BUILD, 'test', `${name}.test.js`), text)
}

function run(args: string[], env: Record<string, string> = {}): Program {
  return new Program([RUNNER, ...args], { cwd: folder, env })
}

test('counts its files, repeats failures at the end, and ends with the totals', async () => {
  const program = run([])
  assert.is(await program.end, 1)
  assert.match(program.stdout, /^[✔✘] \[1\/2\] /m)
  assert.match(program.stdout, /^[✔✘] \[2\/2\] /m)
  const [, end = ''] = program.stdout.split('The slowest:')
  assert.match(end, /^ +[\d.]+ s {2}good\.test\.js$/m)
  assert.match(end, /^✘ bad\.test\.js: 0 passed, 1 failed/m)
  assert.match(end, 'A reason.')
  assert.match(end, /\n1 passed, 1 failed\n$/)
})

test('prints the coverage if asked to, and then the totals', async () => {
  write('bad', "test('two', () => {})")
  const program = run(['--coverage'])
  assert.is(await program.end, 1, 'two such files cover almost nothing')
  assert.match(program.stdout, /% Lines[\s\S]+\n2 passed, 0 failed\n$/)
  assert.match(program.stderr, 'ERROR: Coverage for lines')
})

test('an aborted run says so, and prints neither totals nor coverage', async () => {
  write(
    'bad',
    "test('two', () => { process.kill(process.ppid, 'SIGTERM'); return new Promise(() => setInterval(() => {}, 1000)) })",
  )
  const program = run(['--coverage'])
  assert.is(await program.end, 143)
  assert.match(
    program.stdout,
    /^Aborted by SIGTERM: [01] of 2 files had run, [01] passed, 0 failed so far\.$/m,
  )
  assert.not.match(program.stdout, /^\d+ passed|% Lines/m)
})

test('tests do not see the runner’s NODE_ENV', async () => {
  write('bad', "test('two', () => { if (process.env.NODE_ENV !== undefined) throw new Error('It is set.') })")
  const program = run([], { NODE_ENV: 'production' })
  assert.is(await program.end, 0, program.stdout)
})

test.run()
