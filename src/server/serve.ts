import {
  createServer,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http'
import { setTimeout as pause, setImmediate as polled } from 'node:timers/promises'
import type Koa from 'koa'
import { refuseBroken } from './broken-requests.js'
import { capConnections } from './connections.js'

export interface ServeOptions {
  port: number
  host: string
  /** Whether the site's public address is https; false by default. */
  https?: boolean
  /** How many connections are open at most, 1000 by default; for one more the visitor is cut off who keeps the site waiting longest. */
  maxConnections?: number
  /** How many proxies of yours stand in front, 0 by default: they keep connections for a minute, browsers need not. */
  trustProxy?: number
  /** In milliseconds: for headers 30 s, for a whole request 60 s, and without a byte either way 2 minutes by default. */
  timeouts?: Partial<Timeouts>
  /** Called once when the site is asked to end, before it stops listening: time to tell the balancer. */
  onClosing: () => void
  /** Called when every request was answered. */
  onClosed: () => Promise<void>
}

interface Timeouts {
  headers: number
  request: number
  silence: number
}

// Slowloris: unfinished headers end after 30 s, unfinished bodies after 60 s, give or take one check; who does not read
// what was asked for is cut off as well.
const TIMEOUTS: Timeouts = { headers: 30_000, request: 60_000, silence: 120_000 }
const CHECK_EVERY = 1_000

/** A connection without a request is kept for so long: longer than nginx keeps it, or it would send one into its end. */
const IDLE = { browser: 5_000, proxy: 65_000 }

const MAX_CONNECTIONS = 1_000

/** As many as Linux allows by default: where the queue is full a visitor's attempt is dropped, and comes again a second later. */
const BACKLOG = 4_096

const FORMS_A_TURN = 4
/** Forms wait for so many turns in which somebody is let in, and no more. */
const MOST_PASSED = 20

/** Long enough for a balancer to see that `/readyz` says no. */
const NOTICE = 1_000
/** For so long at most those are let in who come one after the other. */
const ACCEPT_WAIT = 500
/** When requests that still run are cut off, after the notice; the whole end takes less than 10 s. */
const PATIENCE = 5_000

/**
 * Listens, answers the address, and ends the process in order at SIGTERM (with a notice) or SIGINT (at once): taken
 * requests are answered, then `onClosed`. Throws a sentence if the port cannot be had.
 */
export async function serve(app: Koa, options: ServeOptions): Promise<string> {
  const server = createServer(limitsOf(options))
  const answer = refuseBroken(server, { https: options.https ?? false, answer: app.callback() })
  server.on('request', formsInTurn(server, answer))
  server.setTimeout(options.timeouts?.silence ?? TIMEOUTS.silence)
  capConnections(server, {
    most: options.maxConnections ?? MAX_CONNECTIONS,
    longest: server.headersTimeout + server.keepAliveTimeout,
  })
  const onClosing = partWithAnswers(server, options.onClosing)
  await listen(server, options)
  let ending: Promise<void> | undefined
  // Kept on: a second signal (npm passes on what the terminal has sent already) would kill what is being answered.
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
    // Node would answer without a word.
    requireHostHeader: false,
  }
}

/**
 * Begins a few forms in each turn of the event loop that lets nobody in, and everything else at once. In one turn Node takes
 * one new connection (libuv), but reads all others: a flood of forms would make turns so long that whoever comes to open a
 * page waits for seconds to be let in.
 */
function formsInTurn(server: Server, answer: RequestListener): RequestListener {
  const waiting: (() => void)[] = []
  let passed = 0
  let came = false
  server.on('connection', () => {
    came = true
  })
  const begin = () => {
    if (came && passed < MOST_PASSED) passed++
    else {
      passed = 0
      for (const next of waiting.splice(0, FORMS_A_TURN)) next()
    }
    came = false
    if (waiting.length > 0) setImmediate(begin)
  }
  return (request, response) => {
    if (request.method !== 'POST') return answer(request, response)
    waiting.push(() => answer(request, response))
    if (waiting.length === 1) setImmediate(begin)
  }
}

// Only once was read what has come: a request that waits in the kernel is lost with its connection (RFC 9112, 9.6).
function closeIdle(server: Server): void {
  setImmediate(() => server.closeIdleConnections())
}

/** Answers what is called before the end: from then on every answer closes its connection, so that clients go elsewhere. */
function partWithAnswers(server: Server, onClosing: () => void): () => void {
  const running = new Set<ServerResponse>()
  let isClosing = false
  const part = (response: ServerResponse) => {
    if (!response.headersSent) response.setHeader('Connection', 'close')
  }
  server.prependListener('request', (_request, response) => {
    if (isClosing) return part(response)
    running.add(response)
    response.once('close', () => running.delete(response))
  })
  return () => {
    isClosing = true
    for (const response of running) part(response)
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
  if (error.code === 'EADDRINUSE') return `PORT ${port} on ${host} is in use by another program.`
  if (error.code === 'EACCES') return `PORT ${port} may not be used by this user.`
  return `HOST ${host} with PORT ${port} cannot be listened on (${error.code}).`
}

function addressOf(server: Server): string {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The site listens on no port.')
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return `http://${host}:${address.port}/`
}

/**
 * Connections that wait in the kernel would be reset by closing: they are let in until none has come for a moment. It ends
 * just when the kernel was asked for all it has, so that what came while other requests were answered is not lost.
 */
async function allAccepted(server: Server): Promise<void> {
  let came = true
  server.on('connection', () => {
    came = true
  })
  for (const end = Date.now() + ACCEPT_WAIT; came && Date.now() < end; ) {
    came = false
    await polled()
  }
}

async function end(server: Server, notice: number, { onClosing, onClosed }: ServeOptions): Promise<void> {
  onClosing()
  await pause(notice)
  await allAccepted(server)
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  // A browser that keeps its connection would hold the end up: it is closed as soon as it is idle.
  const idle = setInterval(() => closeIdle(server), 50)
  const deadline = setTimeout(() => server.closeAllConnections(), PATIENCE)
  await closed
  clearInterval(idle)
  clearTimeout(deadline)
  await onClosed()
}
