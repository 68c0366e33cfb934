import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../../src/base/package.js'
import { adminOf } from '../support/admin.js'
import { Site } from '../support/helpers.js'

const test = suite('NUL in paths and queries')
const ROUTE = /^\| (GET|POST) \| `(\/[^`]*)`/gm
const PARAMETERS = ['after', 'asks', 'before', 'lang', 'next', 'of', 'q', 'role', 'state', 'to', 'username']

function routes(): { method: string; path: string }[] {
  const list = readFileSync(join(root, 'docs/routes.md'), 'utf8').matchAll(ROUTE)
  return [...list].map(([, method = '', path = '']) => ({ method, path }))
}

test('no path with NUL is known, and no parameter with NUL is read, whatever the database thinks of it', async () => {
  const site = await Site.start({ limits: 'off' })
  const { visitor } = await adminOf(site, 'Anna')
  const form = await visitor.open('/account/name/')
  const body = new URLSearchParams({ _csrf: form.value('_csrf') ?? '', _once: form.value('_once') ?? '' })
  const failed: string[] = []
  for (const { method, path } of routes()) {
    if (path.includes(':')) {
      const place = path.replaceAll(/:\w+/g, 'a%00b')
      const page = await (method === 'GET' ? visitor.open(place) : visitor.post(place, `${body}`))
      if (page.status !== 404) failed.push(`${method} ${place}: ${page.status}`)
    } else if (method === 'GET') {
      const query = PARAMETERS.map((name) => `${name}=a%00b`).join('&')
      const { status } = await visitor.open(`${path}?${query}`)
      if (status >= 500) failed.push(`${path}: ${status}`)
    }
  }
  assert.equal(failed, [])
  await site.close()
})

test.run()
