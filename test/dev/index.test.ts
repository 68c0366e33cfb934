import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../../src/base/package.js'
import { freshDatabase, settingsFor } from '../support/databases.js'
import { Program } from '../support/program.js'

const test = suite('src/dev')

const START = `
  import { readConfig } from ${JSON.stringify(import.meta.resolve('../../src/index.js'))}
  import { createSite } from ${JSON.stringify(import.meta.resolve('../../src/standalone.js'))}
  const { onClosed } = await createSite(readConfig(process.env))
  await onClosed()
`

// This build's folder.
const DEV = new URL('../../src/dev/', import.meta.url).href

/** Returns the modules of `src/dev` that a site loads before it has started. */
async function loaded(environment: Record<string, string>): Promise<string[]> {
  const coverage = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
  const settings = { ...settingsFor(await freshDatabase()), MAIL: 'off', ...environment }
  const program = new Program(['--input-type=module', '--eval', START], {
    cwd: root,
    env: { ...settings, NODE_V8_COVERAGE: coverage },
  })
  assert.is(await program.end, 0, program.stderr)
  const urls = readdirSync(coverage).flatMap((file) =>
    JSON.parse(readFileSync(join(coverage, file), 'utf8')).result.map(({ url }: { url: string }) => url),
  )
  rmSync(coverage, { recursive: true })
  return urls
    .filter((url: string) => url.startsWith(DEV))
    .map((url: string) => url.slice(DEV.length, -'.js'.length))
    .sort()
}

test('is not loaded in production', async () => {
  const production = { NODE_ENV: 'production', BASE_URL: 'https://example.com' }
  assert.equal(await loaded(production), ['index'])
})

test('is loaded in development', async () => {
  assert.ok((await loaded({ NODE_ENV: 'development' })).includes('gallery'))
})

test.run()
