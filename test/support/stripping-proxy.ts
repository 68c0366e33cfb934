/* A reverse proxy like `location /base/ { proxy_pass http://node/; }` in nginx: it strips the base from the path. */
import { createServer, request } from 'node:http'

export interface StrippingProxy {
  address: string
  /** Requested paths that are not below the base. */
  elsewhere: string[]
  forwardTo(node: string): void
  close(): Promise<void>
}

export async function stripping(base: string): Promise<StrippingProxy> {
  const elsewhere: string[] = []
  let target = ''
  const server = createServer((incoming, response) => {
    const { method, url = '', headers } = incoming
    if (!url.startsWith(`${base}/`)) {
      elsewhere.push(url)
      return void response.writeHead(404).end('Another site.\n')
    }
    const sent = request(target + url.slice(base.length), { method, headers }, (upstream) => {
      response.writeHead(upstream.statusCode ?? 502, upstream.headers)
      upstream.pipe(response)
    })
    sent.on('error', ({ message }) => response.destroy(new Error(message)))
    incoming.pipe(sent)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The proxy listens on no port.')
  return {
    address: `http://127.0.0.1:${address.port}`,
    elsewhere,
    forwardTo: (node) => {
      target = node
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
