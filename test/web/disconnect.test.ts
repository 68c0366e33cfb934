import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import Koa, { type Context } from 'koa'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { refuseIfLeft, VisitorLeft } from '../../src/web/disconnect.js'

const test = suite('disconnect')

for (const leaves of [false, true]) {
  test(leaves ? 'a visitor who leaves is noticed' : 'a visitor who waits gets the response', async () => {
    const app = new Koa()
    const arrived = new Promise<{ ctx: Context; respond: () => void }>((resolve) => {
      app.use((ctx) => new Promise<void>((respond) => resolve({ ctx, respond })))
    })
    const server = app.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const socket = connect(typeof address === 'object' ? (address?.port ?? 0) : 0, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    const { ctx, respond } = await arrived
    if (leaves) {
      socket.destroy()
      await once(ctx.res, 'close')
      assert.throws(
        () => refuseIfLeft(ctx),
        (error: unknown) => error instanceof VisitorLeft,
      )
    } else {
      refuseIfLeft(ctx)
      ctx.body = 'a response'
    }
    respond()
    if (!leaves) assert.match(await text(socket), 'a response')
    server.close()
  })
}

test.run()
