/* A small round-robin load balancer for nodes on one machine. It uses those whose `/readyz` returns 200. */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { status } from './program.js'

const ASK_EVERY = 200

export interface Balancer {
  address: string
  close(): Promise<void>
}

/** Listens, and forwards each request to the next ready node. With `port` 0, any free port. */
export async function balance(nodes: readonly string[], { port = 0 } = {}): Promise<Balancer> {
  const ready = new Set(nodes)
  const ending = new AbortController()
  const watching = nodes.map((node) => watch(node, ready, ending.signal))
  let turn = 0
  const hand = (incoming: IncomingMessage, response: ServerResponse) => {
    const able = nodes.filter((node) => ready.has(node))
    const node = able[turn++ % able.length]
    if (node === undefined) return void response.writeHead(503).end('No node is ready.\n')
    // An unreachable node has received nothing, so the next one gets the request.
    forward(node, { incoming, response }, () => {
      ready.delete(node)
      hand(incoming, response)
    })
  }
  const server = createServer(hand)
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The balancer listens on no port.')
  return {
    address: `http://127.0.0.1:${address.port}`,
    async close() {
      ending.abort()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await Promise.all(watching)
    },
  }
}

async function watch(node: string, ready: Set<string>, ending: AbortSignal): Promise<void> {
  while (!ending.aborted) {
    if ((await status(`${node}/readyz`).catch(() => 0)) === 200) ready.add(node)
    else ready.delete(node)
    await pause(ASK_EVERY, undefined, { signal: ending }).catch(() => {})
  }
}

// Adds X-Forwarded-For. Keeps the Host, which tells the site's own requests from cross-site ones.
function forward(
  node: string,
  { incoming, response }: { incoming: IncomingMessage; response: ServerResponse },
  onUnreached: () => void,
): void {
  const { method, headers, url = '/' } = incoming
  const forwarded = { ...headers, 'x-forwarded-for': incoming.socket.remoteAddress, connection: 'close' }
  const sent = request(node + url, { method, headers: forwarded, agent: false }, (upstream) => {
    const { connection: _ours, ...others } = upstream.headers
    response.writeHead(upstream.statusCode ?? 502, others)
    upstream.pipe(response)
  })
  let isReached = false
  sent.on('socket', (socket) =>
    socket.once('connect', () => {
      isReached = true
      incoming.pipe(sent)
    }),
  )
  sent.on('error', ({ message }) => {
    if (!isReached) return onUnreached()
    if (response.headersSent) response.destroy()
    else response.writeHead(502).end(message)
  })
}
