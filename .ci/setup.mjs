// Installs the packages in package-lock.json, unless they are installed: a running site may still load their files. Includes
// development packages, whatever NODE_ENV is, because the build needs them. If better-sqlite3 has to be compiled, uses the headers
// that came with this Node, so that nothing is downloaded from anywhere but the npm registry.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { giveUp, locked } from './lock.mjs'

const root = dirname(import.meta.dirname)
const modules = join(root, 'node_modules')
const LOAD = "new (require('better-sqlite3'))(':memory:').close(); require('@node-rs/argon2')"

if (!isInstalled()) {
  await locked(join(root, 'build', 'install.lock'), async () => {
    if (!isInstalled()) await install()
  }).catch(giveUp)
}

function isInstalled() {
  return isComplete() && canLoad()
}

/** Whether npm's own list of what is installed has what package-lock.json needs on this machine. */
function isComplete() {
  const note = join(modules, '.package-lock.json')
  if (!existsSync(note)) return false
  const installed = packagesIn(note)
  return Object.entries(packagesIn(join(root, 'package-lock.json'))).every(([path, wanted]) => {
    if (path === '' || (wanted.optional && !isForHere(wanted))) return true
    const { version, integrity } = installed[path] ?? {}
    const isSame = version === wanted.version && integrity === wanted.integrity
    return isSame && existsSync(join(root, path, 'package.json'))
  })
}

function packagesIn(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages
}

// An optional package that names no platform is only a dependency of packages for other platforms.
function isForHere({ os, cpu, libc }) {
  if (os === undefined && cpu === undefined) return false
  return (
    (os?.includes(process.platform) ?? true) &&
    (cpu?.includes(process.arch) ?? true) &&
    (libc?.includes(ownLibc()) ?? true)
  )
}

function ownLibc() {
  return process.report.getReport().header.glibcVersionRuntime === undefined ? 'musl' : 'glibc'
}

/** Whether the compiled packages are for this version of Node. */
function canLoad() {
  try {
    const require = createRequire(join(root, 'package.json'))
    new (require('better-sqlite3'))(':memory:').close()
    require('@node-rs/argon2')
    return true
  } catch {
    return false
  }
}

async function install() {
  if (!existsSync(modules)) console.log('Installing from the npm registry. The first time takes a minute or two.')
  if (!isComplete()) await npm('install --include=dev --include=optional --include=peer --no-audit --no-fund --loglevel=error')
  if (await run(process.execPath, ['--eval', LOAD])) return
  console.log('Building better-sqlite3 for this version of Node.')
  await npm('rebuild better-sqlite3 --ignore-scripts=false --loglevel=error')
}

async function npm(command) {
  const prefix = dirname(dirname(process.execPath))
  const hasHeaders = existsSync(join(prefix, 'include', 'node', 'node.h'))
  const env = hasHeaders ? { npm_config_nodedir: prefix, ...process.env } : process.env
  if (!(await run(`npm ${command}`, [], { shell: true, stdio: 'inherit', env }))) {
    console.error(`npm ${command.split(' ')[0]} failed. The error is above.`)
    process.exit(1)
  }
}

function run(command, args, options = {}) {
  return new Promise((resolve) => {
    spawn(command, args, { cwd: root, stdio: 'ignore', ...options })
      .on('error', () => resolve(false))
      .on('close', (status) => resolve(status === 0))
  })
}
