import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import type Koa from 'koa'
import { securityHeaders } from './web/headers.js'

export interface ServeOptions {
  port: number
  host: string
  /** Called once when the site is asked to end, before it stops listening: time to tell the balancer. */
  onClosing: () => void
  /** Called when every request was answered. */
  onClosed: () => Promise<void>
}

// Slowloris: unfinished headers end after 30 s, unfinished bodies after 60 s, give or take one check.
const TIMEOUTS = { headersTimeout: 30_000, requestTimeout: 60_000, connectionsCheckingInterval: 1_000 }

const REFUSALS: Record<string, string> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
}

/** Long enough for a balancer to see that `/readyz` says no. */
const NOTICE = 1_000
/** When requests that still run are cut off, after the notice; the whole end takes less than 10 s. */
const PATIENCE = 7_000

/**
 * Listens, answers the address, and ends the process in order at SIGTERM (with a notice) or SIGINT (at once): taken
 * requests are answered, then `onClosed`. Throws a sentence if the port cannot be had.
 */
export async function serve(app: Koa, options: ServeOptions): Promise<string> {
  const server = createServer(TIMEOUTS, app.callback())
  server.on('clientError', refuseBroken)
  await listen(server, options)
  let ending: Promise<void> | undefined
  // Kept on: a second signal (npm passes on what the terminal has sent already) would kill what is being answered.
  process.on('SIGTERM', () => (ending ??= end(server, NOTICE, options)))
  process.on('SIGINT', () => (ending ??= end(server, 0, options)))
  return addressOf(server)
}

function listen(server: Server, { port, host }: ServeOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(new Error(listenProblem(error, port, host))))
    server.listen(port, host, resolve)
  })
}

// What never becomes a request is answered here, or not at all where nobody is left to read it.
function refuseBroken(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable) return void socket.destroy()
  const status = REFUSALS[error.code ?? ''] ?? '400 Bad Request'
  const headers = Object.entries(securityHeaders({ https: false })).map(
    ([name, value]) => `${name}: ${value}`,
  )
  socket.end(
    [`HTTP/1.1 ${status}`, ...headers, 'Connection: close', 'Content-Length: 0', '', ''].join('\r\n'),
  )
}

function listenProblem(error: NodeJS.ErrnoException, port: number, host: string): string {
  if (error.code === 'EADDRINUSE') return `PORT ${port} on ${host} is in use by another program.`
  if (error.code === 'EACCES') return `PORT ${port} may not be used by this user.`
  return `HOST ${host} with PORT ${port} cannot be listened on (${error.code}).`
}

function addressOf(server: Server): string {
  const address = server.address() as AddressInfo
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return `http://${host}:${address.port}/`
}

async function end(server: Server, notice: number, { onClosing, onClosed }: ServeOptions): Promise<void> {
  onClosing()
  await pause(notice)
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  // A browser that keeps its connection would hold the end up: it is closed as soon as it is idle.
  const idle = setInterval(() => server.closeIdleConnections(), 50)
  const deadline = setTimeout(() => server.closeAllConnections(), PATIENCE)
  await closed
  clearInterval(idle)
  clearTimeout(deadline)
  await onClosed()
}
