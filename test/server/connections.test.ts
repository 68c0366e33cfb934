import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import Koa from 'koa'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { serve } from '../../src/server/serve.js'

const ROOM = 20
const BIG = Buffer.alloc(8 * 1024 * 1024, 'x')
const TIMEOUTS = { headers: 500, request: 1_000, silence: 3_000 }
/** Longer than any timeout and the check every second, so that a connection still open then is never closed. */
const LATE = 10_000

const test = suite<{ port: number; ended: Promise<void>; small: SmallSite }>('connections')

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
    timeouts: TIMEOUTS,
    onClosing() {},
    onClosed: async () => resolve(),
  })
  Object.assign(context, { port: Number(new URL(address).port), ended: promise, small: await smallSite() })
})

test.after(async ({ ended }) => {
  process.kill(process.pid, 'SIGINT')
  await ended
})

function defer(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

/** Opens a connection, sends `words`, and then nothing more. */
async function openWith(port: number, words: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(words)
  return socket
}

/** Returns the response once the site has closed the connection. Throws if that takes too long. */
async function responseOf(socket: Socket): Promise<string> {
  let response = ''
  socket.on('data', (words: string) => {
    response += words
  })
  await closed(socket)
  return response
}

/** Waits until the connection is closed, by its end or a reset. Throws if that takes too long. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('The connection is still open.')), LATE)
    socket.once('close', () => {
      clearTimeout(late)
      resolve()
    })
  })
}

test('unfinished headers end with 408', async ({ port }) => {
  const response = await responseOf(await openWith(port, 'GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: '))
  assert.match(response, /^HTTP\/1\.1 408 Request Timeout\r\n/)
  assert.match(response, /\r\nCache-Control: private, no-cache, no-store\r\n/i)
})

// RFC 9112, 3.2: HTTP/1.1 needs a Host.
for (const [what, words, status, sentence] of [
  [
    'more headers than are read',
    `GET / HTTP/1.1\r\nHost: localhost\r\nCookie: a=${'x'.repeat(60_000)}\r\n\r\n`,
    431,
    /cookies/,
  ],
  [
    'a URL that is too long',
    `GET /?${'x'.repeat(60_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    431,
    /address/,
  ],
  ['something that is not a request', '\x16\x03\x01 hello\r\n\r\n', 400, /cannot read/],
  ['a request without a Host', 'GET / HTTP/1.1\r\n\r\n', 400, /cannot read/],
  [
    'an unknown expectation',
    'GET / HTTP/1.1\r\nHost: localhost\r\nExpect: more\r\n\r\n',
    417,
    /Expect header/,
  ],
] as const) {
  test(`${what}: ${status} with a sentence and the security headers`, async ({ port }) => {
    const response = await responseOf(await openWith(port, words))
    assert.match(response, new RegExp(`^HTTP/1\\.1 ${status} `))
    const [head = '', body = ''] = response.split('\r\n\r\n')
    for (const header of [
      /^Connection: close$/im,
      /^X-Content-Type-Options: nosniff$/im,
      /^Content-Type: text\/plain; charset=utf-8$/im,
    ])
      assert.match(head, header)
    assert.match(body, sentence)
    const length = /^Content-Length: (\d+)$/im.exec(head)?.[1]
    assert.is(Number(length), body.length)
  })
}

test('a broken request after a good one gets 400, after the good one’s response', async ({ port }) => {
  const socket = await openWith(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  const [first] = await once(socket, 'data')
  assert.match(first, /here$/)
  const response = responseOf(socket)
  socket.write('nonsense\r\n\r\n')
  assert.match(await response, /^HTTP\/1\.1 400 Bad Request\r\n/)
})

test('a form that is completed too late gets one response', async ({ port }) => {
  const socket = await openWith(port, 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\n\r\nslow')
  socket.once('data', () => socket.write('slow'))
  const response = await responseOf(socket)
  assert.is(response.match(/HTTP\/1\.1/g)?.length, 1)
})

test('an unfinished body ends with 408', async ({ port }) => {
  const socket = await openWith(
    port,
    'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nslow',
  )
  assert.match(await responseOf(socket), /^HTTP\/1\.1 408 Request Timeout\r\n/)
})

test('an idle connection is closed', async ({ port }) => {
  const response = await responseOf(await openWith(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'))
  assert.match(response, /^HTTP\/1\.1 200 OK\r\n/)
})

test('a connection that sends only empty lines is closed in time', async ({ port }) => {
  const socket = await openWith(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await once(socket, 'data')
  const trickle = setInterval(() => socket.write('\r\n'), 50)
  await closed(socket).finally(() => clearInterval(trickle))
})

test('a refused connection is closed even if the client keeps it open', async ({ port }) => {
  for (const words of ['GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ', 'nonsense\r\n\r\n']) {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).setEncoding('latin1')
    socket.on('error', () => {})
    socket.write(words)
    socket.resume()
    await once(socket, 'end', { signal: AbortSignal.timeout(LATE) })
    const held = setInterval(() => socket.write('x'), 50)
    await closed(socket).finally(() => clearInterval(held))
  }
})

interface SmallSite {
  port: number
  /** Resolves when /slow is first requested. */
  asked: Promise<void>
  respondSlow: () => void
}

/** Starts a site with few connections, whose responses to /slow wait for `respondSlow`. */
async function smallSite(): Promise<SmallSite> {
  const slow = defer()
  const asked = defer()
  const app = new Koa()
  app.silent = true
  app.use(async (ctx) => {
    if (ctx.method === 'POST') await text(ctx.req)
    if (ctx.path === '/slow') {
      asked.resolve()
      await slow.promise
    }
    ctx.body = ctx.path === '/big' ? BIG : 'here'
  })
  const address = await serve(app, {
    port: 0,
    host: '127.0.0.1',
    maxConnections: ROOM,
    onClosing() {},
    onClosed: async () => {},
  })
  return { port: Number(new URL(address).port), asked: asked.promise, respondSlow: slow.resolve }
}

const PAGE = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'
const LAST_PAGE = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'

/** Clients that take all connections: what they send first, what they keep sending, and whether they read. */
const CROWDS: Readonly<Record<string, { says: string; trickles?: string; reads?: false }>> = {
  'never send a byte': { says: '' },
  'send empty lines': { says: '', trickles: '\r\n' },
  'send their headers byte by byte': { says: 'GET / HTTP/1.1\r\nHost: localhost\r\nX: ', trickles: 'x' },
  'send half a form': { says: 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhalf' },
  'send a form byte by byte': {
    says: 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n',
    trickles: 'x',
  },
  'keep the connection after a response': { says: PAGE },
  'keep the connection and send empty lines': { says: PAGE, trickles: '\r\n' },
  'read none of their responses': { says: PAGE.replace('/', '/big').repeat(3), reads: false },
  'sent nonsense and stay': { says: 'nonsense\r\n\r\n' },
}

for (const [what, { says, trickles, reads = true }] of Object.entries(CROWDS)) {
  test(`a visitor is served while all connections are taken by clients that ${what}`, async ({
    small: { port },
  }) => {
    const crowd = await Promise.all(Array.from({ length: ROOM + 5 }, () => openWith(port, says)))
    const trickling = setInterval(() => {
      for (const socket of crowd) if (trickles !== undefined && socket.writable) socket.write(trickles)
    }, 20)
    if (reads) for (const socket of crowd) socket.resume()
    try {
      for (let visit = 0; visit < 3; visit++) {
        assert.match(await responseOf(await openWith(port, LAST_PAGE)), /^HTTP\/1\.1 200 OK\r\n.*here$/s)
      }
    } finally {
      clearInterval(trickling)
      for (const socket of crowd) socket.destroy()
    }
  })
}

test('a visitor is served while too many silent clients keep reconnecting', async ({ small: { port } }) => {
  const crowd = new Set<Socket>()
  let again = true
  const join = () => {
    const socket = connect(port, '127.0.0.1').resume()
    crowd.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => {
      crowd.delete(socket)
      if (again) join()
    })
  }
  for (let client = 0; client < 5 * ROOM; client++) join()
  try {
    for (let visit = 0; visit < 30; visit++) {
      assert.match(await responseOf(await openWith(port, LAST_PAGE)), /^HTTP\/1\.1 200 OK\r\n.*here$/s)
    }
  } finally {
    again = false
    for (const socket of crowd) socket.destroy()
  }
})

test('the longest idle connection is closed first, and active ones stay', async () => {
  const { port, asked, respondSlow } = await smallSite()
  const slow = await openWith(port, LAST_PAGE.replace('/', '/slow'))
  const late = responseOf(slow)
  await asked
  const silent: Socket[] = []
  for (let place = 1; place < ROOM; place++) silent.push(await openWith(port, ''))
  const [longest, next, ...others] = silent
  const gone = longest && responseOf(longest)
  const kept = await openWith(port, PAGE)
  assert.match(String(await once(kept, 'data')), /here$/)
  assert.is(await gone, '', 'the first silent connection')
  const later = next && responseOf(next)
  const another = await openWith(port, PAGE)
  await once(another, 'data')
  assert.is(await later, '', 'then the second')
  assert.ok([kept, ...others].every((socket) => !socket.readableEnded))
  respondSlow()
  assert.match(await late, /here$/)
  for (const socket of [kept, another, ...others]) socket.destroy()
})

test('while all connections are active, one more is closed', async () => {
  const { port, respondSlow } = await smallSite()
  const page = LAST_PAGE.replace('/', '/slow')
  const busy = await Promise.all(Array.from({ length: ROOM }, () => openWith(port, page)))
  const responses = busy.map(responseOf)
  assert.is(await responseOf(await openWith(port, '')), '')
  respondSlow()
  for (const response of await Promise.all(responses)) assert.match(response, /here$/)
})

test('a new visitor is accepted before the forms of a flood are processed', async () => {
  const begun: string[] = []
  const app = new Koa()
  app.use((ctx) => {
    begun.push(ctx.method)
    // Blocks the event loop, as rendering a page does.
    for (const end = performance.now() + 5; performance.now() < end; );
    ctx.body = 'here'
  })
  const address = await serve(app, { port: 0, host: '127.0.0.1', onClosing() {}, onClosed: async () => {} })
  const port = Number(new URL(address).port)
  const form = 'POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'
  const page = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
  const said = [...Array.from({ length: 40 }, () => form), page].map((words) => openWith(port, words))
  await Promise.all((await Promise.all(said)).map(responseOf))
  assert.is(begun.length, 41)
  assert.ok(begun.indexOf('GET') < 10, `${begun}`)
})

test.run()
