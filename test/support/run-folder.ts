import { mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { freemem, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { endServer } from './postgres.js'

const MARK = 'run.pid'
const PREFIX = 'gatehouse-test-'
const MEMORY = '/dev/shm'
/** In bytes. All tests write about 2 GB. */
const ROOM = 4 * 1024 ** 3

/**
 * Makes the folder of a run, in memory if there is room: a database on the server is created 10 to 20 times faster there.
 * Notes which process the run is.
 */
export function makeRunFolder({ inMemory }: { inMemory: boolean }): string {
  const folder = mkdtempSync(join(inMemory && hasRoom() ? MEMORY : tmpdir(), PREFIX))
  writeFileSync(join(folder, MARK), `${process.pid}\n`)
  return folder
}

function hasRoom(): boolean {
  if (process.platform !== 'linux' || process.env.TMPDIR) return false
  const [, , , flags = 'noexec'] =
    mounts()
      .map((line) => line.split(' '))
      .find(([, path]) => path === MEMORY) ?? []
  const { bavail, bsize } = statfsSync(MEMORY)
  return !flags.split(',').includes('noexec') && Math.min(bavail * bsize, freemem() / 2) > ROOM
}

function mounts(): string[] {
  return readFileSync('/proc/mounts', 'utf8').split('\n')
}

/** Ends the servers of killed runs and removes their files. Other runs may be active. */
export function endLeftServers(own: string): void {
  const parent = dirname(own)
  for (const name of readdirSync(parent)) {
    const folder = join(parent, name)
    if (!name.startsWith(PREFIX) || !wasLeft(folder)) continue
    if (endServer(join(folder, 'postgres'))) rmSync(folder, { recursive: true, force: true })
  }
}

// An unreadable run, or one with another user's process, is left alone.
function wasLeft(folder: string): boolean {
  try {
    process.kill(Number.parseInt(readFileSync(join(folder, MARK), 'utf8'), 10), 0)
    return false
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH'
  }
}
