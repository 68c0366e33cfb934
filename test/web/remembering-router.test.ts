import Router from '@koa/router'
import Koa from 'koa'
import supertest from 'supertest'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RememberingRouter } from '../../src/web/routes.js'

const test = suite('the router that remembers')

function routed(router: Router): Router {
  for (const path of ['/a/', '/a/:id/', '/b/']) {
    router.get(path, (ctx) => {
      ctx.body = { path, params: ctx.params, matched: ctx.matched?.map((layer) => layer.path) }
    })
  }
  return router.post('/a/', (_, next) => next())
}

function asking(router: Router): ReturnType<typeof supertest> {
  const app = new Koa()
  const later = new Router().all('/a/', (ctx) => {
    ctx.body = { matched: ctx.matched?.map((layer) => layer.path) }
  })
  return supertest(app.use(router.routes()).use(later.routes()).callback())
}

const OPTIONS = { strict: true, sensitive: true }

test('responds the first time and later as the package does', async () => {
  const own = asking(routed(new RememberingRouter(OPTIONS)))
  const packaged = asking(routed(new Router(OPTIONS)))
  for (const method of ['get', 'post', 'put', 'get', 'post'] as const) {
    for (const path of ['/a/', '/b/', '/a/1/', '/a/2/', '/c/', '/a', '/A/', '/a/?x']) {
      const [one, other] = [await own[method](path), await packaged[method](path)]
      assert.equal([one.status, one.body], [other.status, other.body], `${method} ${path}`)
    }
  }
})

test('tries no route again for a constant path, and remembers no other', async () => {
  const router = routed(new RememberingRouter(OPTIONS))
  const ask = asking(router)
  let tried = 0
  for (const layer of router.stack) {
    const { match } = layer
    layer.match = (path) => {
      tried++
      return match.call(layer, path)
    }
  }
  const triesFor = async (path: string) => {
    tried = 0
    await ask.get(path)
    return tried
  }
  assert.ok((await triesFor('/b/')) > 0)
  assert.is(await triesFor('/b/'), 0)
  for (const path of ['/a/1/', '/c/']) assert.is(await triesFor(path), await triesFor(path), path)
  assert.ok((await triesFor('/a/1/')) > 0)
})

test.run()
