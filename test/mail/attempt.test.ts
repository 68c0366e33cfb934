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

test('sending stops well before another process may take the email, if the lease cannot be renewed', async () => {
  const url = await migratedDatabase()
  const database = await openDatabase(url)
  const now = Date.now
  const outbox = createOutbox({
    mode: 'sent',
    keyring: createKeyring([Buffer.alloc(32, 7).toString('base64url')]),
    now,
  })
  await database.write((transaction) =>
    outbox.post(transaction, { kind: 'password-reset', facts: { to: 'anna@example.com' } }),
  )
  const claim = { now: now(), lease: 7 * SECOND, limit: 1 }
  const [mail] = await database.write((transaction) => mails.claim(transaction, claim))
  if (mail === undefined) throw new Error('There should be one email.')
  const unlock = await lock(url)
  let stoppedAt = Number.POSITIVE_INFINITY
  const stop = new AbortController()
  const content = { kind: 'x', to: 'anna@example.com', language: undefined, path: '/', values: {} }
  const log = pino({ level: 'silent' })
  const options = {
    ...{ database, outbox, log, now, origin: 'http://localhost', onFailed: () => {} },
    render: () => 'Subject: x\n',
    contentOf: async () => content,
    transport: {
      send: (_: unknown, signal: AbortSignal) =>
        new Promise<void>((_, reject) => {
          signal.addEventListener('abort', () => {
            stoppedAt = now()
            reject(new Error('stopped'))
          })
        }),
    },
  }
  const sending = attempt(mail, options, new ServerWatch(log), stop.signal)
  await new Promise((resolve) => setTimeout(resolve, 4 * SECOND))
  stop.abort()
  await unlock()
  await sending
  assert.ok(stoppedAt <= mail.dueAt - 4 * SECOND, `${mail.dueAt - stoppedAt} ms before`)
  await database.close()
})

test.run()
