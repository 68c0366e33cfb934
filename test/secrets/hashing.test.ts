import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createHashing } from '../../src/secrets/hashing.js'
import { CHEAP, PASSWORD } from '../support/helpers.js'

const OPTIONS = { ...CHEAP, algorithm: 2 }

const test = suite('hashing threads')

test('return hashes, and whether a password is right', async () => {
  const hashing = createHashing(2)
  const known = await hashing.hash(PASSWORD, OPTIONS)
  assert.is(await hashing.verify(known, PASSWORD), true)
  assert.is(await hashing.verify(known, `${PASSWORD}!`), false)
})

test('report a broken hash without the password, and continue', async () => {
  const hashing = createHashing(1)
  const refused = await hashing.verify('no hash', PASSWORD).catch((error: unknown) => error)
  assert.instance(refused, Error)
  assert.not.match(`${refused}`, PASSWORD)
  assert.ok(await hashing.verify(await hashing.hash(PASSWORD, OPTIONS), PASSWORD))
})

// Field 19 of proc_pid_stat(5) is the thread's nice value.
const SCRIPT = `
  import { readdirSync, readFileSync } from 'node:fs'
  import { getPriority } from 'node:os'
  import { createHashing } from '${new URL('../../src/secrets/hashing.js', import.meta.url)}'

  const sites = Array.from({ length: 4 }, () => createHashing(3))
  await Promise.all(sites.map((site) => site.hash('correct horse', ${JSON.stringify(OPTIONS)})))

  const stats = readdirSync('/proc/self/task').map((id) => readFileSync('/proc/self/task/' + id + '/stat', 'utf8'))
  const priorities = stats.map((stat) => Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]))
  console.log(priorities.filter((priority) => priority > getPriority()).length)`

/** Starts a process with four sites, and returns how many of its threads have a low priority. It has to end by itself. */
async function threadsThatWait(path = process.env.PATH): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', SCRIPT], {
    env: { ...process.env, PATH: path },
  })
  return Number(stdout)
}

if (process.platform === 'linux') {
  test('have a low priority, are shared by all sites, and let the process exit', async () => {
    assert.is(await threadsThatWait(), 3)
  })

  test('work even where changing the priority is forbidden', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-'))
    writeFileSync(join(folder, 'nice'), '#!/bin/sh\nkill -s SYS $$\n', { mode: 0o700 })
    try {
      assert.is(await threadsThatWait(`${folder}:${process.env.PATH}`), 0)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
}

test.run()
