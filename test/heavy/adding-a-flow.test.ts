import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../../src/base/package.js'

/*
 * Puts the code of docs/adding-a-flow.md into a copy of the project, builds it, and runs the flow's own test, the mirror
 * test and the direction test.
 */
const test = suite('docs/adding-a-flow.md')
const copy = mkdtempSync(join(tmpdir(), 'gatehouse-flow-'))

test.after(() => rmSync(copy, { recursive: true, force: true }))

const COPIED = [
  ...['src', 'db/migrations', 'test', 'templates', 'public', 'docs'],
  ...['package.json', 'tsconfig.json', 'biome.json', 'README.md', 'CHANGELOG.md', '.env.example'],
]

/** A code block of the page, with its file and its place in that file. */
interface Piece {
  file: string
  place: string
  text: string
}

function pieces(): Piece[] {
  const page = readFileSync(join(root, 'docs', 'adding-a-flow.md'), 'utf8')
  return [...page.matchAll(/^```\w+ (\S+)(?: (\w+))?\n(.*?)^```$/gms)].map(
    ([, file = '', place = '', text = '']) => ({ file, place, text }),
  )
}

function put({ file, place, text }: Piece): void {
  const path = join(copy, file)
  if (place === '') {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
    return
  }
  const before = {
    line: /^export \* as accountName/m,
    row: /^\| `\/account\/name\/`/m,
  }
  const anchor = Object.entries(before).find(([name]) => name === place)?.[1]
  const whole = readFileSync(path, 'utf8')
  assert.ok(anchor?.test(whole), `there is no place ${place} in ${file}`)
  writeFileSync(
    path,
    whole.replace(anchor ?? '', (found) => text + found),
  )
}

function run(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: copy,
    encoding: 'utf8',
    env: { ...process.env, NODE_V8_COVERAGE: '' },
  })
  assert.is(status, 0, stdout + stderr)
  return stdout
}

test('its code builds, and its tests pass', () => {
  for (const name of COPIED) cpSync(join(root, name), join(copy, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'junction')
  const found = pieces()
  assert.equal(
    found.map(({ file, place }) => `${file} ${place}`.trim()),
    [
      'src/features/account/leave.ts',
      'templates/account/leave/page.html',
      'templates/mail/left-everywhere.txt',
      'templates/mail/left-everywhere.html',
      'src/features/site-map.ts line',
      'test/features/account/leave.test.ts',
      'docs/pages.md row',
    ],
  )
  for (const piece of found) put(piece)
  run(join(root, 'node_modules', 'typescript', 'bin', 'tsc'))
  for (const [name, count] of [
    ['features/account/leave', 4],
    ['mirror', 50],
    ['direction', 10],
  ] as const) {
    const passed = /Passed:\s+(\d+)/.exec(run(`dist/test/${name}.test.js`))?.[1]
    assert.ok(Number(passed) >= count, `${name}: ${passed}`)
  }
})

test('its code passes the linter', () => {
  const files = ['src/features/account/leave.ts', 'test/features/account/leave.test.ts']
  run(
    join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome'),
    'check',
    '--vcs-enabled=false',
    ...files,
  )
})

test.run()
