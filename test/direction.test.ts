import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../src/base/package.js'
import { type Source, sourcesIn } from './support/sources.js'

/** The layers, top to bottom. A layer imports from itself and from those below it. */
const LAYERS: readonly (readonly string[])[] = [
  ['dev'],
  ['features', 'commands'],
  ['server', 'visitor'],
  ['accounts'],
  ['mail'],
  ['views'],
  ['web'],
  ['secrets'],
  ['tables'],
  ['database'],
  ['base'],
]

/** Imports that go up. None may be added. */
const UPWARD: readonly string[] = []

/** Import cycles. None may be added. */
const CIRCLES: readonly string[] = []

const KYSELY = 'src/database/kysely.ts'
const PACKAGE = /^(?!src\/|db\/|test\/|\.)/

const EMPTY_WORDS =
  /^(?:utils?|helpers?|types?|constants?|services?|controllers?|common|lib|misc|shared)(?:\.ts)?$/

const sources = [...sourcesIn('src'), ...sourcesIn('db')]

const test = suite('imports')

/** Returns the position of a file's layer. Files in `src` itself may import everything. */
function placeOf(path: string): number {
  const layer = /^src\/([^/]+)\//.exec(path)?.[1]
  return layer === undefined ? -1 : LAYERS.findIndex((layers) => layers.includes(layer))
}

function isUpward({ path }: Source, to: string): boolean {
  const [from, target] = [placeOf(path), placeOf(to)]
  if (from === -1) return false
  return target < from || (target === from && layerOf(path) !== layerOf(to))
}

function layerOf(path: string): string | undefined {
  return path.split('/')[1]
}

test('go down the layers, never up or sideways', () => {
  const upward = sources
    .filter(({ path }) => path.startsWith('src/'))
    .flatMap((source) =>
      source.imports
        .filter((to) => to.startsWith('src/') && isUpward(source, to))
        .map((to) => `${source.path} ${to}`),
    )
  assert.equal([...new Set(upward)].sort(), [...UPWARD].sort())
})

test('are checked for every layer', () => {
  const layers = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  )
  assert.equal(layers.map(({ name }) => name).sort(), LAYERS.flat().sort())
})

test('of migrations are only packages and our entry to Kysely, never other code of src', () => {
  const migrations = sources.filter(({ path }) => path.startsWith('db/migrations/'))
  assert.ok(migrations.length > 0)
  assert.equal(
    migrations
      .flatMap(({ imports }) => imports)
      .filter((to) => !PACKAGE.test(to) && !to.startsWith('db/migrations/') && to !== KYSELY),
    [],
  )
})

test('of values from Kysely go through one file, or its 262 files would be loaded twice', () => {
  const users = sources.filter(({ text }) => /^import (?!type\b)[^'"]*'kysely'/m.test(text))
  assert.equal(
    users.map(({ path }) => path),
    [],
  )
  assert.ok(sources.some(({ path }) => path === KYSELY))
})

test('of the runnable site are only the package’s public entry, as in any app', () => {
  const door = /^src\/(?:index|standalone|site)\.ts$/
  for (const { path, imports } of sources.filter(({ path }) =>
    /^src\/(?:standalone|site|dev|testing)\.ts$/.test(path),
  ))
    assert.equal(
      imports.filter((to) => !door.test(to) && !PACKAGE.test(to)),
      [],
      path,
    )
})

test('of database packages are only in tables, database and migrations', () => {
  const users = sources.filter(({ imports }) =>
    imports.some((to) => ['kysely', 'better-sqlite3', 'pg'].includes(to)),
  )
  assert.equal(
    users
      .map(({ path }) => path)
      .filter((path) => !/^(?:src\/tables|src\/database|db\/migrations)\//.test(path)),
    [],
  )
  assert.ok(users.length > 0)
})

test('reach every source file', () => {
  const imported = new Set(sources.flatMap(({ imports }) => imports))
  const lost = sources.map(({ path }) => path).filter((path) => !imported.has(path))
  assert.equal(lost.sort(), ['src/cli.ts', 'src/dev.ts', 'src/testing.ts'])
})

test('name only files that exist', () => {
  const paths = new Set(sources.map(({ path }) => path))
  assert.equal(
    sources.flatMap(({ imports }) => imports).filter((to) => !PACKAGE.test(to) && !paths.has(to)),
    [],
  )
})

test('never name tests', () => {
  assert.equal(
    sources.flatMap(({ imports }) => imports).filter((to) => to.startsWith('test/')),
    [],
  )
})

/** Types count, too. Only files in `src/tables` may import each other. */
test('have no cycles', () => {
  const importsOf = new Map(
    sources.map(({ path, imports }) => [path, imports.filter((to) => /^src\//.test(to))]),
  )
  const done = new Set<string>()
  const circles: string[] = []
  const visit = (path: string, way: readonly string[]) => {
    const start = way.indexOf(path)
    if (start >= 0) {
      const circle = way.slice(start)
      if (!circle.every((one) => one.startsWith('src/tables/'))) circles.push([...circle, path].join(' > '))
      return
    }
    if (done.has(path)) return
    for (const to of importsOf.get(path) ?? []) visit(to, [...way, path])
    done.add(path)
  }
  for (const path of importsOf.keys()) visit(path, [])
  assert.equal(circles.sort(), [...CIRCLES].sort())
})

test('have no files with vague names like utils', () => {
  const names = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).flatMap((path) =>
    path.split(/[/\\]/),
  )
  assert.equal(
    names.filter((name) => EMPTY_WORDS.test(name)),
    [],
  )
})

test.run()
