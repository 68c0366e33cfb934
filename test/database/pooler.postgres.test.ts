import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openDatabase } from '../../src/tables/schema.js'
import { freshDatabase } from '../support/databases.js'

const test = suite('PostgreSQL behind a pooler')

test('a pooler in transaction mode is refused, whichever session it gives out next', async () => {
  for (const order of ['last', 'first'] as const) {
    const message = await errorBehind(await transactionPooler(await freshDatabase(), order))
    assert.match(message, 'transactions of one connection ran in different sessions')
    assert.match(message, 'pool_mode = session')
  }
})

test('a server that serves one session at a time is refused', async () => {
  const message = await errorBehind(await oneAtATime(await freshDatabase()))
  assert.match(message, 'while one connection was in use, a second one failed')
})

interface Front {
  server: Server
  database: string
}

async function errorBehind({ server, database }: Front): Promise<string> {
  const error = await openDatabase(database).then(
    () => new Error('It was opened.'),
    (error) => error,
  )
  server.close()
  return error.message
}

async function inFrontOf(
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

/** Gives out a session for each transaction. Clients log in to one of their own, which others use afterwards. */
function transactionPooler(database: string, order: 'last' | 'first'): Promise<Front> {
  const free: Socket[] = []
  return inFrontOf(database, (client, upstream) => {
    let session: Socket | undefined = upstream()
    const attach = (to: Socket) => {
      const whenIdle = watchIdle(() => {
        to.off('data', back)
        free.push(to)
        session = undefined
      })
      const back = (data: Buffer) => {
        client.write(data)
        whenIdle(data)
      }
      to.on('data', back)
    }
    attach(session)
    client.on('data', (data) => {
      if (session === undefined) {
        session = order === 'last' ? free.pop() : free.shift()
        if (session !== undefined) attach(session)
      }
      session?.write(data)
    })
    client.on('close', () => free.length === 0 || free.shift()?.destroy())
  })
}

const READY = 'Z'.charCodeAt(0)
const IDLE = 'I'.charCodeAt(0)

/** Calls `found` when the server says that it is ready and outside of a transaction (protocol 3, ReadyForQuery). */
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

/** The next client waits until the one before has gone. */
function oneAtATime(database: string): Promise<Front> {
  const waiting: (() => void)[] = []
  let isBusy = false
  const next = () => {
    const serve = waiting.shift()
    isBusy = serve !== undefined
    serve?.()
  }
  return inFrontOf(database, (client, upstream) => {
    waiting.push(() => {
      const session = upstream()
      client.pipe(session).pipe(client)
      client.once('close', () => {
        session.destroy()
        next()
      })
    })
    if (!isBusy) next()
  })
}

test.run()
