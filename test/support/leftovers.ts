import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endServer } from './postgres.js'

const MARK = 'run.pid'

/** Notes in a run's folder which process it is. */
export function markRun(folder: string): void {
  writeFileSync(join(folder, MARK), `${process.pid}\n`)
}

/** Ends the servers of killed runs and removes their files. Other runs may be active. */
export function endLeftServers(): void {
  for (const name of readdirSync(tmpdir())) {
    const folder = join(tmpdir(), name)
    if (!name.startsWith('gatehouse-test-') || !wasLeft(folder)) continue
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
