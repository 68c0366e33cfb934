import { register } from 'node:module'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { MessageChannel } from 'node:worker_threads'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { until } from '../../src/testing.js'
import { Site } from '../support/helpers.js'
import { addPasskey, Device } from '../support/passkey.js'
import { settled } from '../support/second-step.js'

const test = suite('memory of sites that have no passkey yet')

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

const LIBRARY = '@simplewebauthn/server'
const loaded: string[] = []
const { port1, port2 } = new MessageChannel()
port1.on('message', (specifier: string) => loaded.push(specifier))
port1.unref()

const HOOK = `
let port
export const initialize = (given) => { port = given.port }
export const resolve = (specifier, context, next) => { port.postMessage(specifier); return next(specifier, context) }`
register(`data:text/javascript,${encodeURIComponent(HOOK)}`, {
  data: { port: port2 },
  transferList: [port2],
})

const PAGES = 1_000
const MEGABYTE = 2 ** 20

function heap(): number {
  collect()
  return process.memoryUsage().heapUsed
}

test(`${PAGES} login pages load no library and leak no memory`, async () => {
  const site = await Site.start({ host: 'localhost' })
  const open = async (count: number) => {
    for (let page = 0; page < count; page++) {
      const opened = await site.visitor().open('/login/')
      assert.ok(opened.$('[data-passkey]').length > 0)
    }
  }
  await open(100)
  const before = heap()
  await open(PAGES)
  const grown = heap() - before
  assert.ok(grown < 8 * MEGABYTE, `${(grown / MEGABYTE).toFixed(1)} MB more`)
  assert.equal(await site.rows('select 1 from spent_challenges'), [])
  assert.not.ok(loaded.includes(LIBRARY))

  await addPasskey(site, await settled(site, 'Anna'), new Device())
  await until(() => loaded.includes(LIBRARY), 'the library is loaded')
  await site.close()
})

test.run()
