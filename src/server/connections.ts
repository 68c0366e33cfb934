import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

export interface ConnectionLimits {
  most: number
  longest: number
}

interface Connection {
  since: number
  exchange?: { request: IncomingMessage; response: ServerResponse }
}

type Connections = Map<Socket, Connection>

const CHECK_EVERY = 1_000

// Closes the connection that has kept the site waiting longest. Node's `maxConnections` would close the new one. Its
// `keepAliveTimeout` restarts at each empty line.
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
    // After pending reads, because closing would lose a request that waits in the kernel (RFC 9112, 9.6).
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
    if (waitsForVisitor(connection)) drop(open, socket)
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

function waitsForVisitor({ exchange }: Connection): boolean {
  if (exchange === undefined) return true
  const { request, response } = exchange
  return !request.complete || response.writableEnded || response.writableNeedDrain
}
