// Bundles Kysely and each program into few files, because loading hundreds takes most of a start. The programs include the packages
// that they always load. Apps that mount Gatehouse load the bundle of Kysely, too.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'

const OPTIONS = { allowOverwrite: true, bundle: true, format: 'esm', platform: 'node', target: 'node20.19' }
const KYSELY = /\/kysely\.js$/
const PACKAGE = /^[^.]/
// Native code, and packages that load optional parts.
const OUTSIDE = /^(?:@node-rs\/|better-sqlite3$|chokidar$|pg$)/
const ofKoa = createRequire(createRequire(import.meta.url).resolve('koa'))

/** Bundles the compiled files in this folder in place. */
export async function bundle(folder) {
  await bundleKysely(join(folder, 'database/kysely.js'))
  await bundlePrograms(folder)
}

/** Replaces this module by the parts of Kysely that it exports, with the license. */
async function bundleKysely(file) {
  const [, names] = /export const (\{[^}]+\}) = kysely/.exec(readFileSync(file, 'utf8')) ?? []
  const license = join(dirname(createRequire(file).resolve('kysely')), '../../LICENSE')
  await build({
    ...OPTIONS,
    stdin: { contents: `export ${names} from 'kysely'`, resolveDir: dirname(file) },
    banner: { js: `/*\nKysely. ${readFileSync(license, 'utf8')}*/` },
    outfile: file,
    minifyWhitespace: true,
  })
  rmSync(`${file}.map`)
}

/** Shared chunks are beside the programs, so that relative paths work from each. */
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
    // One copy for all: Koa alone brings three, each with 200 KB of types.
    alias: { 'mime-types': dirname(ofKoa.resolve('mime-types')) },
    // CommonJS packages load the modules of Node with `require`.
    banner: { js: "import { createRequire as requireFor } from 'node:module'; const require = requireFor(import.meta.url);" },
  })
  writeFileSync(join(folder, 'bundled-packages.txt'), licensesOf(packagesIn(metafile, folder)))
}

function stayOutside({ onResolve }) {
  onResolve({ filter: KYSELY }, () => ({ path: './database/kysely.js', external: true }))
  onResolve({ filter: OUTSIDE }, ({ path }) => ({ path, external: true }))
  // Packages that are imported on demand stay outside, for apps and programs alike.
  onResolve({ filter: PACKAGE }, ({ kind, path }) => (kind === 'dynamic-import' ? { path, external: true } : undefined))
}

function packagesIn({ inputs }, folder) {
  const paths = Object.keys(inputs).flatMap((path) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? [])
  return [...new Set(paths)].sort().map((path) => join(folder, path))
}

function licensesOf(packages) {
  const texts = packages.map((path) => {
    const { name, version, license } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'))
    const file = readdirSync(path).find((name) => /^licen[cs]e/i.test(name))
    return `${name} ${version}, ${license}\n\n${file === undefined ? '' : readFileSync(join(path, file), 'utf8')}`
  })
  return texts.join(`\n${'-'.repeat(80)}\n\n`)
}
