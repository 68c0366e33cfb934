import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

export interface ConnectionLimits {
  /** How many are open at most. */
  most: number
  /** How long one may be open without a request that runs, whatever it sends, in milliseconds. */
  longest: number
}

interface Connection {
  /** Since when it has been without a finished answer, on the monotonic clock. */
  since: number
  /** The newest request, until it is answered. */
  exchange?: { request: IncomingMessage; response: ServerResponse }
}

/** In the order of `since`. */
type Connections = Map<Socket, Connection>

const CHECK_EVERY = 1_000

/**
 * Keeps `most` connections. For one more, the visitor who has kept the site waiting longest is cut off: silent, idle, or
 * slow to send or to read. If all others wait for the site, the new connection is closed. Node's `maxConnections` would
 * always close the new one, and its `keepAliveTimeout` begins again with every empty line that is sent.
 */
export function capConnections(server: Server, { most, longest }: ConnectionLimits): void {
  const open: Connections = new Map()
  let isFull = false
  const makeRoom = () => {
    isFull = false
    dropSlowest(open, most)
  }

  server.on('connection', (socket: Socket) => {
    open.set(socket, { since: performance.now() })
    socket.once('close', () => open.delete(socket))
    if (open.size <= most || isFull) return
    isFull = true
    // Only once was read what has come: a request that waits in the kernel is lost with its connection (RFC 9112, 9.6).
    setImmediate(makeRoom)
  })
  server.prependListener('request', (request, response) => {
    const { socket } = request
    const connection = open.get(socket)
    if (connection === undefined) return
    connection.exchange = { request, response }
    response.once('close', () => {
      if (connection.exchange?.response !== response || !open.delete(socket)) return
      open.set(socket, { since: performance.now() })
    })
  })
  const check = setInterval(() => dropLate(open, longest), CHECK_EVERY).unref()
  server.once('close', () => clearInterval(check))
}

function dropSlowest(open: Connections, most: number): void {
  for (const [socket, connection] of open) {
    if (open.size <= most) return
    if (isVisitorsTurn(connection)) drop(open, socket)
  }
  for (const socket of [...open.keys()].slice(most)) drop(open, socket)
}

function dropLate(open: Connections, longest: number): void {
  const end = performance.now() - longest
  for (const [socket, { since, exchange }] of open) {
    if (since > end) return
    if (exchange === undefined) drop(open, socket)
  }
}

function drop(open: Connections, socket: Socket): void {
  open.delete(socket)
  socket.destroy()
}

function isVisitorsTurn({ exchange }: Connection): boolean {
  if (exchange === undefined) return true
  const { request, response } = exchange
  return !request.complete || response.writableEnded || response.writableNeedDrain
}
