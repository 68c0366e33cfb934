import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { freshDatabase, settingsFor } from '../support/databases.js'
import { launchSite, refusal } from '../support/program.js'

const test = suite('start on PostgreSQL')

/** Returns the one error at start with this URL, and checks that it has no password. */
async function sentenceAbout(address: URL): Promise<string> {
  const program = launchSite(tmpdir(), settingsFor(address.href))
  const sentences = await refusal(program)
  assert.is(sentences.length, 1)
  assert.match(sentences[0] ?? '', 'DATABASE_URL')
  assert.not.match(program.stdout + program.stderr, address.password)
  return sentences[0] ?? ''
}

async function changed(changes: Partial<Pick<URL, 'port' | 'password' | 'pathname'>>): Promise<URL> {
  return Object.assign(new URL(await freshDatabase()), changes)
}

test('says that no server listens there', async () => {
  assert.match(await sentenceAbout(await changed({ port: '1' })), 'ECONNREFUSED')
})

test('says that the password is wrong', async () => {
  assert.match(await sentenceAbout(await changed({ password: 'wrong-secret' })), 'password')
})

test('says that the database does not exist', async () => {
  assert.match(
    await sentenceAbout(await changed({ pathname: '/nothing_here' })),
    '"nothing_here" does not exist',
  )
})

test('refuses a password that is not percent-encoded, without repeating it', async () => {
  for (const password of ['se/cret', 'se#cret', '1234/se@cret', '1234?secret']) {
    const program = launchSite(tmpdir(), { DATABASE_URL: `postgres://anna:${password}@127.0.0.1/site` })
    const [sentence = '', ...others] = await refusal(program)
    assert.match(sentence, /^DATABASE_URL /)
    assert.equal(others, [])
    for (const part of ['cret', '1234']) assert.not.match(program.stderr, part)
  }
})

test('waits less than 10 seconds for a server that does not respond', async () => {
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const times: number[] = []
  // As the server sees it: the start of the process takes as long as the machine is busy.
  silent.on('connection', (socket) => {
    times.push(performance.now())
    socket.resume().once('close', () => times.push(performance.now()))
  })
  assert.match(await sentenceAbout(await changed({ port: `${port}` })), 'timeout')
  silent.close()
  await once(silent, 'close')
  assert.ok(Math.max(...times) - Math.min(...times) < 10_000)
})

test.run()
