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
  const hand = (question: IncomingMessage, answer: ServerResponse) => {
    const able = nodes.filter((node) => ready.has(node))
    const node = able[turn++ % able.length]
    if (node === undefined) return void answer.writeHead(503).end('No node is ready.\n')
    // An unreachable node has received nothing, so the next one gets the request.
    forward(node, { question, answer }, () => {
      ready.delete(node)
      hand(question, answer)
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
  { question, answer }: { question: IncomingMessage; answer: ServerResponse },
  onUnreached: () => void,
): void {
  const { method, headers, url = '/' } = question
  const forwarded = { ...headers, 'x-forwarded-for': question.socket.remoteAddress, connection: 'close' }
  const sent = request(node + url, { method, headers: forwarded, agent: false }, (response) => {
    const { connection: _ours, ...others } = response.headers
    answer.writeHead(response.statusCode ?? 502, others)
    response.pipe(answer)
  })
  let isReached = false
  sent.on('socket', (socket) =>
    socket.once('connect', () => {
      isReached = true
      question.pipe(sent)
    }),
  )
  sent.on('error', ({ message }) => {
    if (!isReached) return onUnreached()
    if (answer.headersSent) answer.destroy()
    else answer.writeHead(502).end(message)
  })
}
