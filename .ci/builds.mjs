// Compiles the sources. npm runs no files in `dist`, where a site may be running, but a build in `build/<hash of the sources>`.
// That is complete when it appears, never changes, and stays while a process runs it.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { giveUp, isAlive, isForbidden, locked } from './lock.mjs'

const root = dirname(import.meta.dirname)
const builds = join(root, 'build')
const NOTE = 'sources.sha256'
const MARK = 'used-by-'
// Milliseconds.
const FOREIGN_AFTER = 30 * 24 * 60 * 60 * 1000

/** Returns the folder with the build of the current sources. It stays as long as this process runs. */
export async function currentBuild() {
  const folder = () => join(builds, hashOfSources())
  try {
    return await locked(join(builds, 'build.lock'), async () => {
      while (!existsSync(folder())) await compile(join(builds, `draft-${process.pid}`), folder)
      const current = folder()
      writeFileSync(join(current, `${MARK}${process.pid}-${hostname()}`), '')
      for (const name of readdirSync(builds)) tidy(join(builds, name), current)
      return current
    })
  } catch (error) {
    // The checkout of another user runs as it is.
    if (isForbidden(error) && existsSync(folder())) return folder()
    return giveUp(error)
  }
}

/** Replaces `dist` in one step, unless it is up to date. */
export async function buildDist() {
  const dist = join(root, 'dist')
  await locked(join(builds, 'dist.lock'), async () => {
    while (hashIn(dist) !== hashOfSources()) {
      const draft = `${dist}-draft-${process.pid}`
      const former = `${dist}-former-${process.pid}`
      await compile(draft, () => {
        if (existsSync(dist)) renameSync(dist, former)
        return dist
      })
      remove(former)
    }
  }).catch(giveUp)
}

function hashIn(folder) {
  const note = join(folder, NOTE)
  return existsSync(note) ? readFileSync(note, 'utf8') : undefined
}

function hashOfSources() {
  const hash = createHash('sha256')
  const files = ['.ci/bundle.mjs', 'package.json', 'package-lock.json', 'tsconfig.json', ...['src', 'db', 'test'].flatMap(sourcesIn)]
  for (const file of files) hash.update(`${file}\0`).update(readFileSync(join(root, file))).update('\0')
  return hash.digest('hex').slice(0, 20)
}

function sourcesIn(folder) {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { recursive: true })
    .filter((name) => /\.[cm]?ts$/.test(name))
    .sort()
    .map((name) => join(folder, name))
}

/** Compiles into `draft` and moves it to its place. Moves nothing if the sources have changed meanwhile. */
async function compile(draft, placeOf) {
  remove(draft)
  const before = hashOfSources()
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  if (!existsSync(tsc)) {
    console.error('The build needs TypeScript, which is not installed. Run npm ci --include=dev.')
    process.exit(1)
  }
  const isFine = await new Promise((resolve) => {
    spawn(process.execPath, [tsc, '--outDir', draft], { cwd: root, stdio: 'inherit' })
      .on('error', () => resolve(false))
      .on('close', (status) => resolve(status === 0))
  })
  if (isFine && hashOfSources() === before) {
    // Imported only here, because an existing build runs without esbuild.
    const { bundle } = await import('./bundle.mjs')
    await bundle(join(draft, 'src'))
    writeFileSync(join(draft, NOTE), before)
    renameSync(draft, placeOf())
    return
  }
  remove(draft)
  if (!isFine) process.exit(1)
}

/** Removes builds that no process runs, and drafts that a crash left behind. */
function tidy(path, current) {
  const [, draft] = /[\\/]draft-(\d+)$/.exec(path) ?? []
  if (draft !== undefined && !isAlive(Number(draft))) remove(path)
  if (hashIn(path) === undefined) return
  const marks = readdirSync(path).filter((name) => name.startsWith(MARK))
  const ended = marks.filter((name) => hasEnded(join(path, name)))
  for (const name of ended) remove(join(path, name))
  if (path !== current && ended.length === marks.length) remove(path)
}

function hasEnded(mark) {
  const [, pid, host] = /used-by-(\d+)-(.*)$/.exec(mark) ?? []
  // Whether a process in another container runs is unknown.
  return host === hostname() ? !isAlive(Number(pid)) : Date.now() - statSync(mark).mtimeMs > FOREIGN_AFTER
}

function remove(path) {
  rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
}
