import { randomInt } from 'node:crypto'
import { tmpdir } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MINUTE } from '../src/durations.js'
import { rows, settingsFor } from './databases.js'
import { freshDatabase, Site, Visitor } from './helpers.js'
import { eventually, TestMailServer } from './mail-server.js'
import { addressOf, launchSite } from './program.js'

const test = suite('mails of a site that is killed')

const ROUNDS = 5
const LONGEST_LIFE = 400

/** Signs up until the site is gone, and answers who was told that it is done. */
async function signUps(address: string, round: number): Promise<string[]> {
  const acknowledged: string[] = []
  for (let count = 0; ; count++) {
    const name = `round-${round}-${count}`
    try {
      const { status } = await new Visitor(address).signUp(name)
      if (status === 303) acknowledged.push(`${name}@example.com`)
    } catch {
      return acknowledged
    }
  }
}

test('come for every sign-up that was acknowledged, whenever it was killed', async () => {
  const server = await TestMailServer.start()
  const database = await freshDatabase()
  const environment = { SMTP_URL: server.url(), BASE_URL: 'http://127.0.0.1:3000', RATE_LIMITS: 'off' }
  const acknowledged: string[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const program = launchSite(tmpdir(), { ...settingsFor(database), ...environment })
    const signingUp = signUps(await addressOf(program), round)
    await pause(randomInt(LONGEST_LIFE))
    program.signal('SIGKILL')
    await program.end
    acknowledged.push(...(await signingUp))
  }

  const site = await Site.start({ database, environment })
  // When those that were killed have held their mails for long enough.
  site.clock.time = Date.now() + MINUTE
  const isDone = async () => (await rows(database, "select id from mails where state <> 'sent'")).length === 0
  await eventually(isDone, 'all mails are sent')
  await site.close()
  await server.stop()
  const reached = new Set(server.received.flatMap(({ to }) => to))
  assert.equal(
    acknowledged.filter((address) => !reached.has(address)),
    [],
  )
  const users = await rows<{ email: string }>(database, 'select email from users')
  assert.equal(new Set(users.map(({ email }) => email)), reached, 'whoever has an account, has a mail')
  const tellsApart = new Set(server.received.map(({ mail }) => mail.messageId))
  assert.is(tellsApart.size, reached.size, 'a mail that came twice is known for the same')
})

test.run()
