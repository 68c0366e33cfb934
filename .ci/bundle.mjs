// Bundles Kysely and each program into few files, because loading hundreds takes most of a start. The programs include the packages
// that they always load. Apps that mount Gatehouse load the bundle of Kysely, too.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'

const OPTIONS = { allowOverwrite: true, bundle: true, format: 'esm', platform: 'node', target: 'node20.19' }
// In memory, one character that is not Latin, in a comment, would double all.
const SMALL = { minifyWhitespace: true, lineLimit: 200 }
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
    ...SMALL,
    stdin: { contents: `export ${names} from 'kysely'`, resolveDir: dirname(file) },
    banner: { js: `/*\nKysely. ${readFileSync(license, 'utf8')}*/` },
    outfile: file,
  })
  rmSync(`${file}.map`)
}

// One by one: the chunks that they would share are many.
async function bundlePrograms(folder) {
  const programs = { cli: 'cli', site: 'site', 'hashing-thread': 'secrets/hashing-thread' }
  const inputs = []
  for (const [out, path] of Object.entries(programs)) {
    const { metafile } = await bundleProgram(folder, { in: join(folder, `${path}.js`), out })
    inputs.push(...Object.keys(metafile.inputs))
  }
  writeFileSync(join(folder, 'bundled-packages.txt'), licensesOf(packagesIn(inputs, folder)))
}

/** The chunks are beside the program, so that relative paths work from each. */
function bundleProgram(folder, program) {
  return build({
    ...OPTIONS,
    ...SMALL,
    entryPoints: [program],
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
}

function stayOutside({ onResolve }) {
  onResolve({ filter: KYSELY }, () => ({ path: './database/kysely.js', external: true }))
  onResolve({ filter: OUTSIDE }, ({ path }) => ({ path, external: true }))
  // Packages that are imported on demand stay outside, for apps and programs alike.
  onResolve({ filter: PACKAGE }, ({ kind, path }) => (kind === 'dynamic-import' ? { path, external: true } : undefined))
}

function packagesIn(inputs, folder) {
  const paths = inputs.flatMap((path) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? [])
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
