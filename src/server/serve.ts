import {
  createServer,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http'
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises'
import type Koa from 'koa'
import { refuseBroken } from './broken-requests.js'
import { capConnections } from './connections.js'

export interface ServeOptions {
  port: number
  host: string
  https?: boolean
  /** Maximum of open connections. Above it, closes the one that has kept the site waiting longest. Default: 1000. */
  maxConnections?: number
  /** Number of your proxies in front. Behind one, idle connections stay open 65 s, else 5 s. Default: 0. */
  trustProxy?: number
  /** Milliseconds for headers, a whole request, and silence. Default: 30 s, 60 s, 2 minutes. */
  timeouts?: Partial<Timeouts>
  /** Called once when shutdown begins, before the port closes. */
  onClosing: () => void
  onClosed: () => Promise<void>
}

interface Timeouts {
  headers: number
  request: number
  silence: number
}

// Against Slowloris, and clients that do not read the response.
const TIMEOUTS: Timeouts = { headers: 30_000, request: 60_000, silence: 120_000 }
const CHECK_EVERY = 1_000

// Longer than nginx keeps idle connections, or it would send requests into closing ones.
const IDLE = { browser: 5_000, proxy: 65_000 }

const MAX_CONNECTIONS = 1_000

// Linux's default limit. A full queue drops connection attempts, which cost the visitor a second.
const BACKLOG = 4_096

const FORMS_A_TURN = 4
const MAX_PASSED = 20

const NOTICE = 1_000
const ACCEPT_WAIT = 500
// Keeps the whole shutdown under 10 s.
const CLOSE_TIMEOUT = 5_000

/** Returns the address, or throws if it cannot listen. SIGTERM (after 1 s) or SIGINT finishes open requests, then calls `onClosed`. */
export async function serve(app: Koa, options: ServeOptions): Promise<string> {
  const server = createServer(limitsOf(options))
  const handler = refuseBroken(server, { https: options.https ?? false, handler: app.callback() })
  server.on('request', formsInTurn(server, handler))
  server.setTimeout(options.timeouts?.silence ?? TIMEOUTS.silence)
  capConnections(server, {
    most: options.maxConnections ?? MAX_CONNECTIONS,
    longest: server.headersTimeout + server.keepAliveTimeout,
  })
  const onClosing = closeAfterResponses(server, options.onClosing)
  await listen(server, options)
  let ending: Promise<void> | undefined
  // Not `once`: npm repeats the signals of a terminal, and an unhandled second one would cut off open requests.
  process.on('SIGTERM', () => (ending ??= end(server, NOTICE, { ...options, onClosing })))
  process.on('SIGINT', () => (ending ??= end(server, 0, { ...options, onClosing })))
  return addressOf(server)
}

function limitsOf({ timeouts, trustProxy = 0 }: ServeOptions): ServerOptions {
  return {
    headersTimeout: timeouts?.headers ?? TIMEOUTS.headers,
    requestTimeout: timeouts?.request ?? TIMEOUTS.request,
    keepAliveTimeout: trustProxy > 0 ? IDLE.proxy : IDLE.browser,
    connectionsCheckingInterval: CHECK_EVERY,
    // Node would respond with an empty body.
    requireHostHeader: false,
  }
}

// Starts few form posts per event loop turn, and none while connections arrive. libuv accepts one connection a turn, so a flood of
// posts would delay new visitors by seconds.
function formsInTurn(server: Server, handler: RequestListener): RequestListener {
  const waiting: (() => void)[] = []
  let passed = 0
  let came = false
  server.on('connection', () => {
    came = true
  })
  const begin = () => {
    if (came && passed < MAX_PASSED) passed++
    else {
      passed = 0
      for (const next of waiting.splice(0, FORMS_A_TURN)) next()
    }
    came = false
    if (waiting.length > 0) setImmediate(begin)
  }
  return (request, response) => {
    if (request.method !== 'POST') return handler(request, response)
    waiting.push(() => handler(request, response))
    if (waiting.length === 1) setImmediate(begin)
  }
}

// After pending reads, because closing would lose a request that waits in the kernel (RFC 9112, 9.6).
function closeIdle(server: Server): void {
  setImmediate(() => server.closeIdleConnections())
}

// `Connection: close` makes clients open their next connection elsewhere.
function closeAfterResponses(server: Server, onClosing: () => void): () => void {
  const running = new Set<ServerResponse>()
  let isClosing = false
  const closeAfter = (response: ServerResponse) => {
    if (!response.headersSent) response.setHeader('Connection', 'close')
  }
  server.prependListener('request', (_request, response) => {
    if (isClosing) return closeAfter(response)
    running.add(response)
    response.once('close', () => running.delete(response))
  })
  return () => {
    isClosing = true
    for (const response of running) closeAfter(response)
    onClosing()
  }
}

function listen(server: Server, { port, host }: ServeOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(new Error(listenProblem(error, port, host))))
    server.listen({ port, host, backlog: BACKLOG }, resolve)
  })
}

function listenProblem(error: NodeJS.ErrnoException, port: number, host: string): string {
  if (error.code === 'EADDRINUSE') return `PORT ${port} on ${host} is already in use.`
  if (error.code === 'EACCES') return `PORT ${port} is not allowed for this user.`
  return `Cannot listen on HOST ${host}, PORT ${port} (${error.code}).`
}

function addressOf(server: Server): string {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The site has no port.')
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return `http://${host}:${address.port}/`
}

// Closing resets connections that wait in the kernel, so accepts until no more arrive.
async function allAccepted(server: Server): Promise<void> {
  let came = true
  server.on('connection', () => {
    came = true
  })
  for (const end = Date.now() + ACCEPT_WAIT; came && Date.now() < end; ) {
    came = false
    await nextTurn()
  }
}

async function end(server: Server, notice: number, { onClosing, onClosed }: ServeOptions): Promise<void> {
  onClosing()
  await pause(notice)
  await allAccepted(server)
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  const idle = setInterval(() => closeIdle(server), 50)
  const deadline = setTimeout(() => server.closeAllConnections(), CLOSE_TIMEOUT)
  await closed
  clearInterval(idle)
  clearTimeout(deadline)
  await onClosed()
  // The channel to process managers such as PM2 would keep the process alive until they kill it.
  process.channel?.unref()
}
