import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endServer } from './postgres.js'

const MARK = 'run.pid'

/** Notes in the folder of a run who is running. */
export function markRun(folder: string): void {
  writeFileSync(join(folder, MARK), `${process.pid}\n`)
}

/** Ends the servers of runs that were killed, and removes what they have left; other runs may be going on. */
export function endLeftServers(): void {
  for (const name of readdirSync(tmpdir())) {
    const folder = join(tmpdir(), name)
    if (!name.startsWith('gatehouse-test-') || !wasLeft(folder)) continue
    if (endServer(join(folder, 'postgres'))) rmSync(folder, { recursive: true, force: true })
  }
}

// A run that cannot be read, or that another user's process may belong to, is nobody's to end.
function wasLeft(folder: string): boolean {
  try {
    process.kill(Number.parseInt(readFileSync(join(folder, MARK), 'utf8'), 10), 0)
    return false
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH'
  }
}
