/*
 * `npm run nodes`: three nodes on one PostgreSQL behind a balancer, on this machine and only with npm packages, until
 * Ctrl-C. The balancer listens on PORT.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { balance } from './balancer.js'
import { settingsFor } from './databases.js'
import { PostgresServer } from './postgres.js'
import { addressOf, launchSite } from './program.js'

const NODES = 3

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-nodes-'))
const server = await PostgresServer.make(join(folder, 'postgres'), { detached: true })
await server.start()
const sites = Array.from({ length: NODES }, () =>
  launchSite(folder, { ...settingsFor(server.url), TRUST_PROXY: '1' }),
)
const addresses = await Promise.all(sites.map(addressOf))
const balancer = await balance(addresses, { port: Number(process.env.PORT ?? 3000) })
console.log(`The balancer listens on ${balancer.address}/, the nodes on ${addresses.join(', ')}`)

let ending: Promise<void> | undefined
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => (ending ??= end()))

async function end(): Promise<void> {
  for (const site of sites) site.signal('SIGTERM')
  await Promise.all(sites.map((site) => site.end))
  await balancer.close()
  await server.stop()
  rmSync(folder, { recursive: true })
}
