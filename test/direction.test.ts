import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../src/root.js'
import { type Source, sourcesIn } from './sources.js'

const FEATURES = /^src\/features\//
const COMMANDS = /^src\/commands\//
const PARTS_OF_COMMANDS = /^src\/commands\/[^/]+\//
const TABLES = /^src\/tables\//
const WEB = /^src\/web\//
const MIGRATIONS = /^db\/migrations\//
const NOUN = /^src\/[^/]+\.ts$/
const PACKAGE = /^(?!src\/|db\/|test\/|\.)/

const EMPTY_WORDS =
  /^(?:utils?|helpers?|types?|constants?|services?|controllers?|common|lib|misc|shared)(?:\.ts)?$/

const sources = [...sourcesIn('src'), ...sourcesIn('db')]

const test = suite('direction')

/** Every import of the chosen files that leads to none of the allowed places. */
function strayImports(chosen: RegExp, allowed: RegExp[]): string[] {
  return sourcesLike(chosen).flatMap(({ path, imports }) =>
    imports.filter((to) => !allowed.some((place) => place.test(to))).map((to) => `${path} imports ${to}`),
  )
}

function sourcesLike(chosen: RegExp): Source[] {
  const found = sources.filter(({ path }) => chosen.test(path))
  assert.ok(found.length > 0, `there are no files like ${chosen}`)
  return found
}

test('of features is to tables, web and nouns', () => {
  assert.equal(strayImports(/^src\/features\/(?!index\.ts$)/, [TABLES, WEB, NOUN, PACKAGE]), [])
})

test('of the site map is to features', () => {
  assert.equal(strayImports(/^src\/features\/index\.ts$/, [FEATURES, NOUN, PACKAGE]), [])
})

test('of commands is to their parts, tables, web and nouns, like that of features', () => {
  assert.equal(strayImports(COMMANDS, [PARTS_OF_COMMANDS, TABLES, WEB, NOUN, PACKAGE]), [])
})

test('of the list of commands is to commands', () => {
  assert.equal(strayImports(/^src\/gatehouse\.ts$/, [COMMANDS, NOUN, PACKAGE]), [])
})

test('of tables is to tables and migrations, never up', () => {
  assert.equal(strayImports(TABLES, [TABLES, MIGRATIONS, PACKAGE]), [])
})

test('of web is to web, so that it serves forms that have nothing to do with accounts', () => {
  assert.equal(strayImports(WEB, [WEB, PACKAGE]), [])
})

test('of migrations is to packages, so that later code cannot change an old step', () => {
  assert.equal(strayImports(MIGRATIONS, [MIGRATIONS, PACKAGE]), [])
})

test('of nouns is not to features and commands; only the places that put all together know them', () => {
  const others = /^src\/(?!(?:accounts|gatehouse)\.ts$)[^/]+\.ts$/
  assert.equal(strayImports(others, [TABLES, WEB, NOUN, PACKAGE]), [])
  assert.equal(
    strayImports(/^src\/accounts\.ts$/, [/^src\/features\/index\.ts$/, TABLES, WEB, NOUN, PACKAGE]),
    [],
  )
})

test('of the site is to the door alone, like that of any host', () => {
  const door = /^src\/(?:index|standalone|site)\.ts$/
  assert.equal(strayImports(/^src\/(?:standalone|site|dev)\.ts$/, [door, PACKAGE]), [])
})

test('to the database is from tables and migrations alone', () => {
  const users = sources.filter(({ imports }) =>
    imports.some((to) => ['kysely', 'better-sqlite3', 'pg'].includes(to)),
  )
  assert.equal(
    users.map(({ path }) => path).filter((path) => !TABLES.test(path) && !MIGRATIONS.test(path)),
    [],
  )
  assert.ok(users.length > 0)
})

test('leads to every source file', () => {
  const imported = new Set(sources.flatMap(({ imports }) => imports))
  const lost = sources.map(({ path }) => path).filter((path) => !imported.has(path))
  assert.equal(lost.sort(), ['src/dev.ts', 'src/gatehouse.ts'])
})

test('leads to no file that is not there', () => {
  const paths = new Set(sources.map(({ path }) => path))
  assert.equal(
    sources.flatMap(({ imports }) => imports).filter((to) => !PACKAGE.test(to) && !paths.has(to)),
    [],
  )
})

test('is never to tests', () => {
  assert.equal(strayImports(/./, [/^src\//, /^db\//, PACKAGE]), [])
})

test('is told by names that say what a thing is', () => {
  const names = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).flatMap((path) =>
    path.split(/[/\\]/),
  )
  assert.equal(
    names.filter((name) => EMPTY_WORDS.test(name)),
    [],
  )
})

test.run()
