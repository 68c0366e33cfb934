// Makes few files of many, because loading hundreds one by one takes half of a start: one of Kysely, for hosts too, and the
// programs, which are processes of their own.
import { readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'

const OPTIONS = { allowOverwrite: true, bundle: true, format: 'esm', platform: 'node', target: 'node20.19' }
const KYSELY = /\/kysely\.js$/

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
  await build({
    ...OPTIONS,
    entryPoints: Object.entries(programs).map(([out, path]) => ({ in: join(folder, `${path}.js`), out })),
    absWorkingDir: folder,
    outdir: folder,
    splitting: true,
    sourcemap: true,
    plugins: [{ name: 'what stays outside', setup: stayOutside }],
  })
}

function stayOutside({ onResolve }) {
  onResolve({ filter: KYSELY }, () => ({ path: './database/kysely.js', external: true }))
  onResolve({ filter: /^[^.]/ }, ({ kind, path }) => (kind === 'entry-point' ? undefined : { path, external: true }))
}
