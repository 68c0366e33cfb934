import { once } from 'node:events'
import { pino } from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SECOND } from '../../src/base/durations.js'
import { attempt, ServerWatch } from '../../src/mail/attempt.js'
import { createOutbox } from '../../src/mail/outbox.js'
import { createKeyring } from '../../src/secrets/keyring.js'
import * as mails from '../../src/tables/mails.js'
import { openDatabase } from '../../src/tables/schema.js'
import { lock } from '../support/databases.js'
import { migratedDatabase } from '../support/helpers.js'

const test = suite('attempts to send an email')

test('sending stops before another process may take the email, if the lease cannot be renewed', async () => {
  const { stoppedAt, leaseEndsAt } = await sendOnLockedDatabase({ lease: 7 * SECOND })
  assert.ok(stoppedAt < leaseEndsAt, `${stoppedAt - leaseEndsAt} ms after`)
})

test('sending stops at once if the lease is almost over, without a warning of Node', async () => {
  const warnings: string[] = []
  const note = ({ name }: Error) => warnings.push(name)
  process.on('warning', note)
  const { stoppedAt, leaseEndsAt } = await sendOnLockedDatabase({ lease: 3 * SECOND })
  process.off('warning', note)
  assert.ok(stoppedAt < leaseEndsAt, `${stoppedAt - leaseEndsAt} ms after`)
  assert.equal(warnings, [])
})

/** Sends an email that never ends by itself. */
async function sendOnLockedDatabase({ lease }: { lease: number }) {
  const url = await migratedDatabase()
  const database = await openDatabase(url)
  const now = Date.now
  const keyring = createKeyring([Buffer.alloc(32, 7).toString('base64url')])
  const outbox = createOutbox({ mode: 'sent', keyring, now })
  await database.write((transaction) =>
    outbox.post(transaction, { kind: 'password-reset', facts: { to: 'anna@example.com' } }),
  )
  const claim = { now: now(), lease, limit: 1 }
  const [mail] = await database.write((transaction) => mails.claim(transaction, claim))
  if (mail === undefined) throw new Error('There should be one email.')
  const unlock = await lock(url)
  const content = { kind: 'x', to: 'anna@example.com', language: undefined, path: '/', values: {} }
  const log = pino({ level: 'silent' })
  let stoppedAt = 0
  const send = async (_: unknown, signal: AbortSignal) => {
    if (!signal.aborted) await once(signal, 'abort')
    stoppedAt = now()
    await unlock()
    throw new Error('stopped')
  }
  const options = {
    ...{ database, outbox, log, now, origin: 'http://localhost', onFailed: () => {}, transport: { send } },
    render: () => 'Subject: x\n',
    contentOf: async () => content,
  }
  // A lease keeps no process alive.
  const alive = setInterval(() => {}, SECOND)
  await attempt(mail, options, new ServerWatch(log), new AbortController().signal)
  clearInterval(alive)
  await database.close()
  return { stoppedAt, leaseEndsAt: mail.dueAt }
}

test.run()
