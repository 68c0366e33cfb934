import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../src/base/package.js'
import { developmentFeatures } from '../src/dev/index.js'
import { features } from '../src/features/index.js'
import { type Source, sourcesIn, sourcesOfFeature } from './support/sources.js'

/** Folders without a feature: shared pieces, the app's home page and the error page. */
const SHARED_TEMPLATES = [
  ...['fields', 'languages', 'layouts', 'mail', 'parts', 'problem'],
  ...['home', 'members'],
]

const ROUTE = /\brouter\s*\.\s*(?:get|post|put|patch|delete|del|all|head|options|use)\(\s*(['"`])(.*?)\1/g
const ANY_ROUTE = /\brouter\s*\.\s*[a-z]+\(/g
const ROW = /^\| `(\/[^`]*)` \|/gm

const names = [...features, ...developmentFeatures].map(({ name }) => name)
const sources = sourcesIn('src/features').filter(
  ({ path }) => !/^src\/features\/(?:index|site-map)\.ts$/.test(path),
)
const files = [...sources, ...sourcesIn('src/dev')].filter(({ text }) => text.includes('export const name ='))

const test = suite('mirror')

/** `features/account/password.ts` is `account/password`. */
function nameOf({ path }: Source): string {
  return path.replace(/^src\/(?:features\/)?/, '').replace(/(?:\/index)?\.ts$/, '')
}

function urlOf(name: string): string {
  return `/${name}/`
}

/** Returns the source of a feature and of its pages with their own files. */
function textOf(file: Source): string {
  const [, ...parts] = sourcesOfFeature(nameOf(file))
  return [file, ...parts].map(({ text }) => text).join('\n')
}

function routesOf(text: string): string[] {
  return [...text.matchAll(ROUTE)].map(([, , path = '']) => path)
}

/** Returns the feature of a path. `account/password` is preferred to `account`. */
function ownerOf(path: string): string | undefined {
  const owners = names.filter((name) => path.startsWith(urlOf(name)))
  return owners.sort((one, other) => other.length - one.length)[0]
}

test('the index lists every feature once, by the name of its file', () => {
  assert.equal([...names].sort(), files.map(nameOf).sort())
  for (const file of files) assert.match(file.text, `export const name = '${nameOf(file)}'`)
})

test('every other file belongs to the feature whose folder it is in', () => {
  const known = files.flatMap((file) => [file, ...sourcesOfFeature(nameOf(file))]).map(({ path }) => path)
  assert.equal(
    sources.map(({ path }) => path).filter((path) => !known.includes(path)),
    [],
  )
})

for (const file of files) {
  const name = nameOf(file)

  test(`${name} has its pages under ${urlOf(name)}`, () => {
    const text = textOf(file)
    const routes = routesOf(text)
    assert.is(routes.length, [...text.matchAll(ANY_ROUTE)].length, 'a route is not a string literal')
    assert.ok(routes.some((path) => path.startsWith(urlOf(name))))
    for (const path of routes) {
      assert.is(ownerOf(path), name, path)
      assert.ok(path.endsWith('/'), `${path} has no slash at its end`)
    }
  })

  test(`${name} has its templates in templates/${name}/`, () => {
    assert.ok(existsSync(join(root, 'templates', name)))
  })

  const itsTest = file.path.replace(/^src/, 'test').replace(/\.ts$/, '.test.ts')
  test(`${name} has its test in ${itsTest}`, () => {
    assert.ok(existsSync(join(root, itsTest)))
  })

  test(`${name} has one row in docs/pages.md`, () => {
    assert.equal(
      rows().filter((path) => path === urlOf(name)),
      [urlOf(name)],
    )
  })
}

test('every folder of templates is a feature or shared', () => {
  const folders = readdirSync(join(root, 'templates'), { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  )
  const known = new Set([...names.map((name) => name.split('/')[0]), ...SHARED_TEMPLATES])
  assert.equal(
    folders.map((folder) => folder.name).filter((folder) => !known.has(folder)),
    [],
  )
})

test('every page in docs/pages.md belongs to a feature or to the host app', () => {
  const hosts = ['/', '/members/', '/members/recent/', '/healthz', '/readyz', '/favicon.ico']
  assert.equal(
    rows().filter((path) => !hosts.includes(path) && ownerOf(path) === undefined),
    [],
  )
})

function rows(): string[] {
  const page = readFileSync(join(root, 'docs', 'pages.md'), 'utf8')
  // `/users/<slug>/` is the row of `/users/`.
  return [...page.matchAll(ROW)].map(([, path = '']) => path.replaceAll(/<[^>]*>\/$/g, ''))
}

test.run()
