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
  const server = createServer((question, answer) => {
    const { method, url = '', headers } = question
    if (!url.startsWith(`${base}/`)) {
      elsewhere.push(url)
      return void answer.writeHead(404).end('Another site.\n')
    }
    const sent = request(target + url.slice(base.length), { method, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers)
      response.pipe(answer)
    })
    sent.on('error', ({ message }) => answer.destroy(new Error(message)))
    question.pipe(sent)
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
