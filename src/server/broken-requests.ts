import { type RequestListener, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { DYNAMIC, securityHeaders } from '../web/headers.js'

type Headers = Readonly<Record<string, string>>

interface Refusal {
  status: number
  text: string
}

const BROKEN = {
  status: 400,
  text: 'The site cannot read this request, so nothing was done. Open the page again.',
}
const LATE = {
  status: 408,
  text: 'The request took too long to arrive, so nothing was done. Try again.',
}
const REFUSALS: Readonly<Record<string, Refusal>> = {
  ERR_HTTP_REQUEST_TIMEOUT: LATE,
  HPE_HEADER_OVERFLOW: {
    status: 431,
    text: 'The web address or the cookies that your browser sent are too long for this site. Delete the cookies of this site in your browser. Then try again.',
  },
}
const UNEXPECTED = {
  status: 417,
  text: 'The site does not support the Expect header of this request.',
}

// Milliseconds to read the response. Closing at once could discard it (RFC 9112, 9.6).
const LINGER = 2_000

/** Responds to requests that Node rejects while parsing. Needs a server with `requireHostHeader: false`. */
export function refuseBroken(
  server: Server,
  { https, handler }: { https: boolean; handler: RequestListener },
): RequestListener {
  const headers = { ...securityHeaders({ https }), ...DYNAMIC, 'Content-Type': 'text/plain; charset=utf-8' }
  const refused = new WeakSet<Duplex>()
  const newest = new WeakMap<Duplex, ServerResponse>()

  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (refused.has(socket)) return
    const response = newest.get(socket)
    const isResponding = response?.headersSent && !response.writableFinished
    if (!socket.writable || isResponding) return void socket.destroy()
    refused.add(socket)
    const refusal = REFUSALS[error.code ?? ''] ?? BROKEN
    socket.end(rawResponse(refusal, headers))
    // What arrives late must not be processed, because the visitor was told that it failed.
    if (refusal === LATE) return void socket.destroySoon()
    setTimeout(() => socket.destroy(), LINGER).unref()
  })
  server.on('checkExpectation', (_request, response: ServerResponse) => refuse(response, UNEXPECTED, headers))
  return (request, response) => {
    newest.set(request.socket, response)
    const isAddressed = request.httpVersion === '1.0' || request.headers.host !== undefined
    return isAddressed ? handler(request, response) : refuse(response, BROKEN, headers)
  }
}

function refuse(response: ServerResponse, refusal: Refusal, always: Headers): void {
  const { status, headers, body } = fullResponse(refusal, always)
  response.writeHead(status, headers).end(body)
}

function rawResponse(refusal: Refusal, always: Headers): string {
  const { status, headers, body } = fullResponse(refusal, always)
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  return [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, '', body].join('\r\n')
}

function fullResponse({ status, text }: Refusal, always: Headers) {
  const body = `${text}\n`
  const headers = { ...always, Connection: 'close', 'Content-Length': `${Buffer.byteLength(body)}` }
  return { status, headers, body }
}
