import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import Koa from 'koa'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { serve } from '../src/serve.js'

const CAP = 3
const TIMEOUTS = { headers: 500, request: 1_000, silence: 3_000 }
/** More than any of them, with the check that comes every second: whoever is still there is not cut off at all. */
const LATE = 10_000

const test = suite<{ port: number; closed: Promise<void> }>('connections')

test.before(async (context) => {
  const app = new Koa()
  app.use(async (ctx) => {
    ctx.body = ctx.method === 'POST' ? await text(ctx.req) : 'here'
  })
  app.silent = true
  const { promise, resolve } = defer()
  const address = await serve(app, {
    port: 0,
    host: '127.0.0.1',
    maxConnections: CAP,
    timeouts: TIMEOUTS,
    onClosing() {},
    onClosed: async () => resolve(),
  })
  Object.assign(context, { port: Number(new URL(address).port), closed: promise })
})

test.after(async ({ closed }) => {
  process.kill(process.pid, 'SIGINT')
  await closed
})

function defer(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

/** A connection that says so much, and then nothing more. */
async function say(port: number, words: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(words)
  return socket
}

/** What it is answered until the site closes it. Throws if that takes too long. */
async function answered(socket: Socket): Promise<string> {
  let answer = ''
  socket.on('data', (words: string) => {
    answer += words
  })
  await once(socket, 'close', { signal: AbortSignal.timeout(LATE) })
  return answer
}

test('headers that are never finished end with 408', async ({ port }) => {
  const answer = await answered(await say(port, 'GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: '))
  assert.match(answer, /^HTTP\/1\.1 408 Request Timeout\r\n/)
  assert.match(answer, /\r\nCache-Control: private, no-cache, no-store\r\n/i)
})

test('a body that is never finished ends with 408', async ({ port }) => {
  const socket = await say(port, 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nslow')
  assert.match(await answered(socket), /^HTTP\/1\.1 408 Request Timeout\r\n/)
})

test('who asks for nothing more is let go', async ({ port }) => {
  const answer = await answered(await say(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'))
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/)
})

test('more connections than the cap are closed at once, and idle ones make room for the next', async ({
  port,
}) => {
  const idle = await say(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await once(idle, 'data')
  const busy = await Promise.all(
    Array.from({ length: CAP - 1 }, () => say(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n')),
  )
  const gone = answered(idle)
  assert.is(await answered(await say(port, '')), '', 'one too many')
  assert.is(await gone, '', 'the idle one has made room')
  const next = await say(port, 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  assert.match(await answered(next), /\r\n\r\nhere$/)
  await Promise.all(busy.map(answered))
})

test('who comes to open a page is let in before the forms of a flood are answered', async () => {
  const begun: string[] = []
  const app = new Koa()
  app.use((ctx) => {
    begun.push(ctx.method)
    // As a page that is rendered: nothing else is done meanwhile.
    for (const end = performance.now() + 5; performance.now() < end; );
    ctx.body = 'here'
  })
  const address = await serve(app, { port: 0, host: '127.0.0.1', onClosing() {}, onClosed: async () => {} })
  const port = Number(new URL(address).port)
  const form = 'POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'
  const page = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
  const said = [...Array.from({ length: 40 }, () => form), page].map((words) => say(port, words))
  await Promise.all((await Promise.all(said)).map(answered))
  assert.is(begun.length, 41)
  assert.ok(begun.indexOf('GET') < 10, `${begun}`)
})

test.run()
