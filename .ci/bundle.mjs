// Makes few files of many, because loading hundreds one by one takes most of a start: one of Kysely, for hosts too, and the
// programs, which are processes of their own, with the packages that they always load.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'

const OPTIONS = { allowOverwrite: true, bundle: true, format: 'esm', platform: 'node', target: 'node20.19' }
const KYSELY = /\/kysely\.js$/
const PACKAGE = /^[^.]/
/** Machine code, and what loads parts that may be missing. */
const OUTSIDE = /^(?:@node-rs\/|better-sqlite3$|chokidar$|pg$)/
const ofKoa = createRequire(createRequire(import.meta.url).resolve('koa'))

/** Bundles what lies compiled in this folder, in place. */
export async function bundle(folder) {
  await bundleKysely(join(folder, 'database/kysely.js'))
  await bundlePrograms(folder)
}

/** Puts the parts that this module takes from Kysely, and the licence, in its place. */
async function bundleKysely(file) {
  const [, names] = /export const (\{[^}]+\}) = kysely/.exec(readFileSync(file, 'utf8')) ?? []
  const licence = join(dirname(createRequire(file).resolve('kysely')), '../../LICENSE')
  await build({
    ...OPTIONS,
    stdin: { contents: `export ${names} from 'kysely'`, resolveDir: dirname(file) },
    banner: { js: `/*\nKysely. ${readFileSync(licence, 'utf8')}*/` },
    outfile: file,
    minifyWhitespace: true,
  })
  rmSync(`${file}.map`)
}

/** They share chunks, which lie beside them, so that what is near is found by the same path from each. */
async function bundlePrograms(folder) {
  const programs = { cli: 'cli', site: 'site', 'hashing-thread': 'secrets/hashing-thread' }
  const { metafile } = await build({
    ...OPTIONS,
    entryPoints: Object.entries(programs).map(([out, path]) => ({ in: join(folder, `${path}.js`), out })),
    absWorkingDir: folder,
    outdir: folder,
    splitting: true,
    sourcemap: true,
    sourcesContent: false,
    metafile: true,
    plugins: [{ name: 'what stays outside', setup: stayOutside }],
    // Koa alone brings three, each with 200 KB of types.
    alias: { 'mime-types': dirname(ofKoa.resolve('mime-types')) },
    // CommonJS asks for parts of Node by `require`.
    banner: { js: "import { createRequire as requireFor } from 'node:module'; const require = requireFor(import.meta.url);" },
  })
  writeFileSync(join(folder, 'bundled-packages.txt'), licencesOf(packagesIn(metafile, folder)))
}

function stayOutside({ onResolve }) {
  onResolve({ filter: KYSELY }, () => ({ path: './database/kysely.js', external: true }))
  onResolve({ filter: OUTSIDE }, ({ path }) => ({ path, external: true }))
  // Loaded when it is needed, by hosts and programs alike.
  onResolve({ filter: PACKAGE }, ({ kind, path }) => (kind === 'dynamic-import' ? { path, external: true } : undefined))
}

function packagesIn({ inputs }, folder) {
  const paths = Object.keys(inputs).flatMap((path) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? [])
  return [...new Set(paths)].sort().map((path) => join(folder, path))
}

function licencesOf(packages) {
  const texts = packages.map((path) => {
    const { name, version, license } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'))
    const file = readdirSync(path).find((name) => /^licen[cs]e/i.test(name))
    return `${name} ${version}, ${license}\n\n${file === undefined ? '' : readFileSync(join(path, file), 'utf8')}`
  })
  return texts.join(`\n${'-'.repeat(80)}\n\n`)
}
