import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Balancer, balance } from '../support/balancer.js'
import { freshDatabase, settingsFor } from '../support/databases.js'
import { Visitor } from '../support/helpers.js'
import { addressOf, launchSite, type Program, status } from '../support/program.js'

interface Context {
  url: string
  sites: Program[]
  nodes: string[]
  balancer: Balancer
}

const test = suite<Context>('three nodes on one database')

function launch(url: string, env: Record<string, string> = {}): Program {
  return launchSite(tmpdir(), { ...settingsFor(url), TRUST_PROXY: '1', RATE_LIMITS: 'off', ...env })
}

test.before(async (context) => {
  const url = await freshDatabase()
  context.url = url
  context.sites = Array.from({ length: 3 }, () => launch(url))
  context.nodes = await Promise.all(context.sites.map(addressOf))
  context.balancer = await balance(context.nodes)
})

test.after(async ({ sites, balancer }) => {
  await balancer?.close()
  for (const site of sites) site.signal('SIGTERM')
  await Promise.all(sites.map(({ end }) => end))
})

test('a session works on all nodes, and ends on all of them', async ({ nodes }) => {
  const [one = '', two = '', three = ''] = nodes
  assert.is((await new Visitor(one).signUp('Anna')).status, 303)
  const phone = new Visitor(two)
  assert.is((await phone.logIn('Anna')).status, 303)
  const desk = new Visitor(three)
  assert.is((await desk.logIn('Anna')).status, 303)
  const devices = await desk.open('/account/devices/')
  const revoke = devices.$('form[action$="/revoke/"]').attr('action')
  await desk.send(devices, {}, revoke)
  assert.is((await phone.open('/account/')).status, 303, 'the phone is logged out')
  assert.is((await desk.open('/account/')).status, 200)
})

test('serve one visitor in turn, without sticky sessions', async ({ balancer, sites }) => {
  const visitor = new Visitor(balancer.address)
  await visitor.settle('Bela')
  for (let page = 0; page < 6; page++) assert.is((await visitor.open('/account/')).status, 200)
  for (const site of sites) await site.says(/"route":"\/account\/","status":200/)
})

test('lose no requests while they are restarted one after another', async ({
  balancer,
  sites,
  nodes,
  url,
}) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 })
  let isOver = false
  const told = new Map<string, number>()
  const client = async (what: string, ask: (time: number) => Promise<number | string>) => {
    for (let time = 0; !isOver; time++) {
      const response = `${what}: ${await ask(time)}`
      told.set(response, (told.get(response) ?? 0) + 1)
    }
  }
  const visitor = () => new Visitor(balancer.address)
  const page = () => statusOf(`${balancer.address}/login/`, agent)
  const clients = [
    ...Array.from({ length: 4 }, () => client('page', page)),
    client('sign-up', async (time) => (await visitor().signUp(`Guest ${time}`)).status),
    client('login', async () => (await visitor().logIn('Anna')).status),
    client('refused', async () => (await visitor().logIn('Anna', { password: 'wrong' })).status),
  ]
  for (const [number, node] of nodes.slice(0, 2).entries()) {
    sites[number]?.signal('SIGTERM')
    assert.is(await sites[number]?.end, 0)
    assert.is(await status(`${node}/healthz`).catch(() => 'gone'), 'gone')
    const next = launch(url, { PORT: new URL(node).port })
    sites[number] = next
    await addressOf(next)
  }
  isOver = true
  await Promise.all(clients)
  agent.destroy()
  const expected = ['login: 303', 'page: 200', 'refused: 406', 'sign-up: 303']
  assert.equal([...told.keys()].sort(), expected, `${JSON.stringify([...told])}`)
  assert.match(sites[0]?.stdout ?? '', '"method":"POST"', 'the new node gets requests, too')
})

function statusOf(url: string, agent: Agent): Promise<number | string> {
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
