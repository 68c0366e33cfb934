import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { root } from '../../src/base/package.js'

/** A TypeScript file, by its path in the project, with its imports as such paths or packages. */
export interface Source {
  path: string
  text: string
  imports: string[]
}

const IMPORT = /^(?:import|export)\s(?:[^'"]*?\sfrom\s)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm

/** Returns every source file in a folder of the project. */
export function sourcesIn(folder: string): Source[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => read(posix.join(folder, file.replaceAll('\\', '/'))))
}

/** Returns the file of a feature, then the files in its folder that are not features. */
export function sourcesOfFeature(name: string): Source[] {
  const files = [`src/features/${name}.ts`, `src/features/${name}/index.ts`]
  const all = sourcesIn('src/features')
  const isPart = ({ path, text }: Source) =>
    posix.dirname(path) === `src/features/${name}` && !text.includes('export const name =')
  return [...all.filter(({ path }) => files.includes(path)), ...all.filter(isPart)]
}

function read(path: string): Source {
  const text = readFileSync(join(root, path), 'utf8')
  const imports = [...text.matchAll(IMPORT)].map(([, from, dynamic]) => resolved(path, from ?? dynamic ?? ''))
  return { path, text, imports }
}

function resolved(path: string, specifier: string): string {
  if (!specifier.startsWith('.')) return packageOf(specifier)
  return posix.join(posix.dirname(path), specifier).replace(/\.js$/, '.ts')
}

function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}
