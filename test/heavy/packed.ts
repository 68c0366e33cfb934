import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { root } from '../../src/base/package.js'

/** Files in the package for its readers. */
export const FOR_READERS = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  '.env.example',
  'docs',
  'src',
]
const SITES_OWN = ['@koa/router', 'better-sqlite3', 'koa', 'koa-bodyparser', 'koa-session', 'nunjucks']
const SHARED = { koa: '^3.0.0', zod: '^4.0.0' }

/** Packs the tested build in place of `dist`, which this run does not build. */
export function pack(destination: string): { filename: string; files: string[] } {
  const project = join(destination, 'project')
  for (const name of ['package.json', 'LICENSE', 'templates', 'public', 'db/migrations', ...FOR_READERS])
    cpSync(join(root, name), join(project, name), { recursive: true })
  cpSync(join(import.meta.dirname, '../..'), join(project, 'dist'), { recursive: true })
  const printed = npm(`pack --ignore-scripts --offline --json --pack-destination "${destination}"`, project)
  const [{ filename, files }] = JSON.parse(printed)
  return { filename, files: files.map(({ path }: { path: string }) => path) }
}

/**
 * Installs the package into another app as npm does, with its dependencies. The binary of better-sqlite3 is copied from
 * this project, because it is not tested here, and compiling takes minutes where none comes prebuilt.
 */
export function install(host: string, tarball: string, others: Record<string, string> = {}): void {
  mkdirSync(host, { recursive: true })
  const { dependencies: bring, peerDependencies: need } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  )
  const ours: Record<string, string> = { ...bring, ...need }
  // Versions other than in the lock file, which the app and the package can share.
  const own = Object.fromEntries(SITES_OWN.map((name) => [name, ours[name]]))
  const dependencies = { ...own, ...SHARED, ...others }
  const site = { name: 'shop', private: true, type: 'module', dependencies }
  writeFileSync(join(host, 'package.json'), JSON.stringify(site))
  npm(`${INSTALL} "${tarball}"`, host)
  copyBinary(host)
}

export const INSTALL = 'install --ignore-scripts --prefer-offline --no-audit --no-fund'

export function copyBinary(host: string): void {
  const binary = join('node_modules', 'better-sqlite3', 'build')
  cpSync(join(root, binary, 'Release', 'better_sqlite3.node'), join(host, binary, 'better_sqlite3.node'))
}

export function npm(command: string, cwd: string): string {
  const env = { ...process.env, npm_config_update_notifier: 'false' }
  const { stdout, stderr, status } = spawnSync(`npm ${command}`, { cwd, env, shell: true, encoding: 'utf8' })
  assert.is(status, 0, stderr)
  return stdout
}
