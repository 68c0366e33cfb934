import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { type Profiler, Session } from 'node:inspector'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const SOURCES = pathToFileURL(join(import.meta.dirname, '../../src/')).href

/**
 * Notes which lines of `src` run in this process, until the returned function writes them into the folder, as c8 reads them.
 * Whether is enough: NODE_V8_COVERAGE also counts how often, which makes all code a fifth slower.
 */
export function startCoverage(folder: string): () => void {
  const session = new Session()
  session.connect()
  session.post('Profiler.enable')
  session.post('Profiler.startPreciseCoverage', { callCount: false, detailed: true })
  return () => {
    session.post('Profiler.takePreciseCoverage', (error, covered) => {
      if (error) throw error
      write(folder, covered.result)
    })
  }
}

function write(folder: string, scripts: Profiler.ScriptCoverage[]): void {
  const result = scripts.filter(({ url }) => url.startsWith(SOURCES))
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `coverage-${randomUUID()}.json`), JSON.stringify({ result }))
}
