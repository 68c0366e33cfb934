import { connect, type Socket } from 'node:net'

export interface PageResponse {
  status: number
  head: string
  body: Buffer
}

interface Waiting {
  resolve(response: PageResponse): void
  reject(error: Error): void
}

const PATIENCE = 60_000
const NOTHING = Buffer.alloc(0)

/**
 * One connection to a server, for one request after another. It supports only as much HTTP/1.1 as our pages need, because
 * visitors share the cores with the server. A response must have a Content-Length.
 */
export class Connection {
  readonly #socket: Socket
  #received: Buffer = NOTHING
  #waiting: Waiting | undefined

  constructor(address: string) {
    const { hostname, port } = new URL(address)
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true })
    this.#socket.setTimeout(PATIENCE, () => this.#socket.destroy(new Error('It took too long.')))
    this.#socket.on('data', (chunk) => this.#take(chunk))
    this.#socket.on('error', (error) => this.#fail(error))
    this.#socket.on('close', () => this.#fail(new Error('The connection was closed.')))
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed
  }

  /** Sends one request after the previous response. */
  ask(request: string): Promise<PageResponse> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) return reject(new Error('The connection is closed.'))
      this.#waiting = { resolve, reject }
      this.#socket.write(request)
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
    try {
      const response = responseIn(this.#received)
      if (response === undefined) return
      this.#received = NOTHING
      this.#waiting?.resolve(response)
    } catch (error) {
      this.#socket.destroy(error instanceof Error ? error : undefined)
    }
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error)
  }
}

/** Undefined until it has arrived completely. */
function responseIn(received: Buffer): PageResponse | undefined {
  const headEnd = received.indexOf('\r\n\r\n')
  if (headEnd < 0) return undefined
  const head = received.toString('latin1', 0, headEnd)
  const [, status] = /^HTTP\/1\.1 (\d{3})/.exec(head) ?? []
  const [, length] = /\ncontent-length: (\d+)/i.exec(head) ?? []
  if (status === undefined || length === undefined) throw new Error(`This is no response of ours:\n${head}`)
  const end = headEnd + 4 + Number(length)
  return received.length < end
    ? undefined
    : { status: Number(status), head, body: received.subarray(headEnd + 4, end) }
}
