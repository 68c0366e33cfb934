import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** A proxy between clients and a server, with the URL that clients use. */
export interface Front {
  server: Server
  database: string
}

export async function inFrontOf(
  database: string,
  serve: (client: Socket, upstream: () => Socket) => void,
): Promise<Front> {
  const { port, hostname } = new URL(database)
  const server = createServer((client) => {
    client.on('error', () => {})
    serve(client, () => connect(Number(port), hostname).on('error', () => {}))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address() as AddressInfo
  return { server, database: Object.assign(new URL(database), { port: `${address.port}` }).href }
}

/**
 * Which free session the next transaction gets: the one that was returned last, the one that has waited longest, or, as
 * happens to clients of a busy pooler, some times the one that the client had before, then the one that was returned last.
 */
export type Order = 'last' | 'first' | 'former'

/** How many times a client gets its former session. */
const FORMER = 4

/**
 * A pooler in transaction mode: each transaction gets one of a few sessions, which nothing resets. Clients log in on a
 * session of their own, which joins the others if there are too few.
 */
export function transactionPooler(database: string, order: Order, sessions = 4): Promise<Front> {
  const pools = new Map<string, Pool>()
  return inFrontOf(database, (client, upstream) => {
    client.once('data', (startup: Buffer) => {
      const pool = pools.get(`${startup}`) ?? new Pool(order, sessions)
      pools.set(`${startup}`, pool)
      const session = upstream()
      session.write(startup)
      pool.serve(client, session)
    })
  })
}

const TERMINATE = 'X'.charCodeAt(0)

class Pool {
  readonly #order: Order
  readonly #size: number
  readonly #all = new Set<Socket>()
  readonly #free: Socket[] = []
  readonly #waiting: ((session: Socket) => void)[] = []

  constructor(order: Order, size: number) {
    this.#order = order
    this.#size = size
  }

  serve(client: Socket, login: Socket): void {
    let session: Socket | undefined
    let former = login
    let transactions = 0
    let unsent: Buffer[] = []
    const attach = (given: Socket) => {
      if (client.destroyed) return this.#return(given)
      session = given
      former = given
      transactions++
      const whenIdle = watchIdle(() => {
        given.off('data', back)
        session = undefined
        this.#return(given)
      })
      const back = (answer: Buffer) => {
        client.write(answer)
        whenIdle(answer)
      }
      given.on('data', back)
      for (const message of unsent.splice(0)) given.write(message)
    }
    attach(login)
    client.on('data', (message: Buffer) => {
      if (message[0] === TERMINATE && message.length === 5) return void client.end()
      if (session !== undefined) return void session.write(message)
      unsent.push(message)
      if (unsent.length === 1) this.#take(attach, transactions > FORMER ? undefined : former)
    })
    client.on('close', () => {
      unsent = []
      if (session !== undefined) this.#remove(session) // in the middle of a transaction
    })
  }

  #take(use: (session: Socket) => void, former: Socket | undefined): void {
    const session = this.#next(former)
    if (session === undefined) this.#waiting.push(use)
    else use(session)
  }

  #next(former: Socket | undefined): Socket | undefined {
    if (this.#order === 'first') return this.#free.shift()
    const place = this.#order === 'former' && former !== undefined ? this.#free.indexOf(former) : -1
    return place === -1 ? this.#free.pop() : this.#free.splice(place, 1)[0]
  }

  #return(session: Socket): void {
    if (!this.#all.has(session)) {
      if (this.#all.size >= this.#size) return void session.destroy()
      this.#all.add(session)
      session.once('close', () => this.#remove(session))
    }
    const next = this.#waiting.shift()
    if (next === undefined) this.#free.push(session)
    else next(session)
  }

  #remove(session: Socket): void {
    this.#all.delete(session)
    if (this.#free.includes(session)) this.#free.splice(this.#free.indexOf(session), 1)
    session.destroy()
  }
}

const READY = 'Z'.charCodeAt(0)
const IDLE = 'I'.charCodeAt(0)

/** Calls `found` when the server is ready and outside of a transaction (protocol 3, ReadyForQuery). */
function watchIdle(found: () => void): (data: Buffer) => void {
  let rest = Buffer.alloc(0)
  return (data) => {
    rest = Buffer.concat([rest, data])
    while (rest.length >= 5 && rest.length > rest.readInt32BE(1)) {
      const end = 1 + rest.readInt32BE(1)
      const isIdle = rest[0] === READY && rest[5] === IDLE
      rest = rest.subarray(end)
      if (isIdle) found()
    }
  }
}
