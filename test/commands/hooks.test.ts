import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openDatabase } from '../../src/tables/schema.js'
import { assertDone, callGatehouse } from '../support/calling.js'
import { migratedDatabase } from '../support/databases.js'
import { createUser, newUser } from '../support/rows.js'

const test = suite<{ folder: string; database: string }>('commands with the hooks of an app')

const HOOKS = `
import { appendFileSync } from 'node:fs'
export const hooks = {
  onEvent({ kind, userId, by }) {
    if (kind === 'account_enabled') throw new Error('no such user here')
    appendFileSync(new URL('told', import.meta.url), [kind, userId, by].join(' ') + '\\n')
  },
}
`

test.before.each(async (context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
  context.database = await migratedDatabase()
  writeFileSync(join(context.folder, 'hooks.mjs'), HOOKS)
  const opened = await openDatabase(context.database)
  await createUser(opened, newUser('Anna'))
  await opened.close()
})
test.after.each(({ folder }) => rmSync(folder, { recursive: true }))

test('pass events to onEvent once they are stored', async ({ folder, database }) => {
  const settings = { HOOKS: join(folder, 'hooks.mjs') }
  assertDone(await callGatehouse(['users', 'disable', 'Anna'], { database, settings }))
  const enabled = await callGatehouse(['users', 'enable', 'Anna'], { database, settings })
  assert.equal(enabled, { code: 0, stdout: 'Enabled Anna.\n', stderr: 'onEvent failed: no such user here\n' })
  assertDone(await callGatehouse(['users', 'delete', 'Anna', '--yes'], { database, settings }))
  const told = readFileSync(join(folder, 'told'), 'utf8')
  assert.is(told, 'account_disabled id of Anna cli:users disable\n', 'a running site passes on the deletion')
})

test('pass no events on without HOOKS', async ({ folder, database }) => {
  assertDone(await callGatehouse(['users', 'disable', 'Anna'], { database }))
  assert.not.ok(existsSync(join(folder, 'told')))
})

test.run()
