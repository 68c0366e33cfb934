import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Balancer, balance } from './balancer.js'
import { freshDatabase, settingsFor } from './databases.js'
import { Visitor } from './helpers.js'
import { addressOf, launchSite, type Program, status } from './program.js'

interface Context {
  sites: Program[]
  nodes: string[]
  balancer: Balancer
}

const test = suite<Context>('three nodes on one database')

test.before(async (context) => {
  const url = await freshDatabase()
  context.sites = Array.from({ length: 3 }, () =>
    launchSite(tmpdir(), { ...settingsFor(url), TRUST_PROXY: '1' }),
  )
  context.nodes = await Promise.all(context.sites.map(addressOf))
  context.balancer = await balance(context.nodes)
})

test.after(async ({ sites, balancer }) => {
  await balancer?.close()
  for (const site of sites) site.signal('SIGTERM')
  await Promise.all(sites.map(({ end }) => end))
})

test('sign up on one, log in on the second, and are thrown out on the third', async ({ nodes }) => {
  const [one = '', two = '', three = ''] = nodes
  assert.is((await new Visitor(one).signUp('Anna')).status, 303)
  const phone = new Visitor(two)
  assert.is((await phone.logIn('Anna')).status, 303)
  const desk = new Visitor(three)
  assert.is((await desk.logIn('Anna')).status, 303)
  const devices = await desk.open('/account/devices/')
  const revoke = devices.$('form[action$="/revoke/"]').attr('action')
  await desk.send(devices, {}, revoke)
  assert.is((await phone.open('/account/')).status, 303, 'the phone is out')
  assert.is((await desk.open('/account/')).status, 200)
})

test('serve one visitor in turns, without sticking', async ({ balancer, sites }) => {
  const visitor = new Visitor(balancer.address)
  await visitor.settle('Bela')
  for (let page = 0; page < 6; page++) assert.is((await visitor.open('/account/')).status, 200)
  for (const { stdout } of sites) assert.match(stdout, /"route":"\/account\/","status":200/)
})

test('lose no request while one of them ends under load', async ({
  balancer,
  sites: [first],
  nodes: [node],
}) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 })
  let isOver = false
  const statuses = new Map<number | string, number>()
  const client = async () => {
    while (!isOver) {
      const told = await asked(`${balancer.address}/login/`, agent)
      statuses.set(told, (statuses.get(told) ?? 0) + 1)
    }
  }
  const clients = Array.from({ length: 8 }, client)
  first?.signal('SIGTERM')
  assert.is(await first?.end, 0)
  assert.is(await status(`${node}/healthz`).catch(() => 'gone'), 'gone')
  isOver = true
  await Promise.all(clients)
  agent.destroy()
  assert.equal([...statuses.keys()], [200], `${JSON.stringify([...statuses])}`)
})

function asked(url: string, agent: Agent): Promise<number | string> {
  return new Promise((resolve) => {
    request(url, { agent }, (response) => {
      let text = ''
      response.on('data', (part) => {
        text += part
      })
      response.on('end', () => resolve(response.statusCode === 502 ? text : (response.statusCode ?? 0)))
    })
      .on('error', ({ message }) => resolve(message))
      .end()
  })
}

test.run()
