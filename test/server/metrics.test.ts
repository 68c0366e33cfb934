import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Koa from 'koa'
import supertest from 'supertest'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { accounts, createMetrics, type MetricsOptions } from '../../src/index.js'
import { migratedDatabase, settingsFor } from '../support/databases.js'
import { Site, until, Visitor } from '../support/helpers.js'
import { freePort } from '../support/postgres.js'
import { addressOf, launchSite, status } from '../support/program.js'

const TOKEN = 'a-token-of-some-length'
const WITH_TOKEN = { environment: { METRICS_TOKEN: TOKEN } }

const test = suite('metrics')

/** The text format (prometheus.io, "Exposition formats"). Every line is checked. */
const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\[\\\\"n])*"'
// As Go's ParseFloat reads it. prom-client writes Nan for an event loop that it has just begun to watch.
const VALUE = '(?:[+-]?(?:\\d+(?:\\.\\d+)?(?:e[+-]?\\d+)?|Inf)|[Nn]a[Nn])'
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(${LABEL}(?:,${LABEL})*)?\\})? (${VALUE})$`)
const HELP = new RegExp(`^# HELP (${NAME}) \\S.*$`)
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram|summary)$`)

/** Returns the samples of a page by name and labels. Throws if Prometheus could not read it. */
function parsed(text: string): Map<string, number> {
  assert.match(text, /\n$/)
  const samples = new Map<string, number>()
  const types = new Map<string, string>()
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const [, described] = HELP.exec(line) ?? []
    const [, typed, type = ''] = TYPE.exec(line) ?? []
    if (typed !== undefined) {
      assert.not.ok(types.has(typed), `${typed} has two types`)
      types.set(typed, type)
    }
    if (described !== undefined || typed !== undefined) continue
    const [, name = '', labels = '', value] = SAMPLE.exec(line) ?? []
    assert.ok(value !== undefined, `not a sample: ${line}`)
    assert.ok(
      types.has(name) || types.has(name.replace(/_(?:bucket|sum|count)$/, '')),
      `without a type: ${line}`,
    )
    const key = labels === '' ? name : `${name}{${labels}}`
    assert.not.ok(samples.has(key), `twice: ${line}`)
    samples.set(key, Number(value))
  }
  return samples
}

async function metricsOf(server: Site['server'] | string, token = TOKEN): Promise<Map<string, number>> {
  const response = await supertest(server).get('/metrics').set('Authorization', `Bearer ${token}`)
  assert.is(response.status, 200)
  assert.is(response.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
  return parsed(response.text)
}

test('/metrics needs the token, and is off by default', async () => {
  const site = await Site.start(WITH_TOKEN)
  const headers = [
    undefined,
    'Bearer',
    `Bearer ${TOKEN}x`,
    `Bearer ${TOKEN.slice(1)}`,
    `Basic ${TOKEN}`,
    TOKEN,
  ]
  for (const header of headers) {
    const request = supertest(site.server).get('/metrics')
    const response = await (header === undefined ? request : request.set('Authorization', header))
    assert.is(response.status, 401, header)
    assert.is(response.headers['www-authenticate'], 'Bearer')
    assert.not.match(response.text, 'gatehouse_')
  }
  assert.ok((await metricsOf(site.server)).has('nodejs_eventloop_lag_p99_seconds'))
  await site.close()
  const unwatched = await Site.start()
  assert.is((await supertest(unwatched.server).get('/metrics').set('Authorization', 'Bearer ')).status, 404)
  await unwatched.close()
})

test('counts and times requests by route pattern', async () => {
  const site = await Site.start(WITH_TOKEN)
  const visitor = await site.visitor().settle('Anna')
  await visitor.open('/users/anna/')
  for (const path of ['/users/nobody/', '/never-heard-of/', '/wp-login.php?a=b', '/%E0%A4%A'])
    await visitor.open(path)
  await visitor.agent.delete('/login/')
  const found = await metricsOf(site.server)
  const count = (method: string, route: string, status: number) =>
    found.get(`gatehouse_http_requests_total{method="${method}",route="${route}",status="${status}"}`)
  assert.is(count('GET', '/users/:slug/', 200), 1)
  assert.is(count('GET', '/users/:slug/', 404), 1)
  assert.is(count('POST', '/login/verify/', 303), 1)
  assert.ok((count('GET', 'other', 404) ?? 0) >= 2)
  assert.is(count('other', 'other', 405), 1)
  assert.is(found.get('gatehouse_http_request_duration_seconds_count{route="/login/verify/"}'), 1)
  assert.is(found.get('gatehouse_http_request_duration_seconds_bucket{le="+Inf",route="/login/verify/"}'), 1)
  const told = [...found.keys()].filter((key) => /anna|nobody|heard|wp-login/i.test(key))
  assert.equal(told, [])
  await site.close()
})

test('counts logins by outcome', async () => {
  const site = await Site.start({ ...WITH_TOKEN, limits: { loginName: { max: 2, window: 60_000 } } })
  const visitor = site.visitor()
  await visitor.signUp('Anna')
  await visitor.signUp('Bert')
  await visitor.logIn('Anna')
  await site.write("update users set disabled_at = 1 where name = 'Bert'")
  const stranger = site.visitor()
  await stranger.logIn('Bert')
  for (let time = 0; time < 3; time++) await stranger.logIn('Anna', { password: 'wrong' })
  const found = await metricsOf(site.server)
  const logins = (outcome: string) => found.get(`gatehouse_logins_total{outcome="${outcome}"}`)
  assert.equal(
    ['logged_in', 'disabled', 'wrong', 'limited', 'busy', 'unconfirmed'].map(logins),
    [1, 1, 2, 1, 0, 0],
  )
  await site.close()
})

test('reports sessions, waiting emails and the hashing queue, and omits unknown values', async () => {
  const site = await Site.start({
    environment: {
      METRICS_TOKEN: TOKEN,
      BASE_URL: 'http://127.0.0.1',
      SMTP_URL: 'smtp://127.0.0.1:9?requireTLS=false',
    },
  })
  await site.visitor().settle('Anna')
  site.clock.advance(90_000)
  const found = await metricsOf(site.server)
  assert.is(found.get('gatehouse_sessions'), 1)
  assert.ok((found.get('gatehouse_outbox_mails') ?? 0) >= 1)
  assert.ok((found.get('gatehouse_outbox_oldest_seconds') ?? 0) >= 90)
  assert.is(found.get('gatehouse_hashing{state="running"}'), 0)
  assert.is(found.get('gatehouse_hashing{state="waiting"}'), 0)
  assert.is(found.get('gatehouse_hashing_refused_total'), 0)
  assert.is(found.get('gatehouse_database_up'), 1)
  await site.close()

  const broken = await Site.start(WITH_TOKEN)
  await broken.write('alter table sessions rename to gone')
  await broken.write("delete from kysely_migration where name > '0001'")
  const left = await metricsOf(broken.server)
  assert.is(left.get('gatehouse_database_up'), 0)
  assert.not.ok(left.has('gatehouse_sessions'))
  await broken.close()
})

test('createMetrics needs a token, except with its own port', async () => {
  const refusal = (options: MetricsOptions) => createMetrics(options).then(() => '', String)
  assert.match(await refusal({}), /The metrics token must be at least 16 characters\.$/)
  assert.match(await refusal({ token: 'short' }), /at least 16/)
  const metrics = await createMetrics({ port: 0 })
  const app = new Koa()
  app.use(metrics.requests)
  app.use(metrics.page)
  const { DATABASE_URL: database = '', SESSION_KEYS } = settingsFor(await migratedDatabase())
  const keys = SESSION_KEYS === undefined ? {} : { keys: [SESSION_KEYS] }
  const gatehouse = await accounts({ database, ...keys, metrics })
  await metrics.listen()
  assert.is((await supertest(app.callback()).get('/metrics')).status, 404)
  assert.is(parsed(await metrics.text()).get('gatehouse_database_up'), 1)
  await gatehouse.close()
})

test('METRICS_PORT opens a port, or is an error at start', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
  const taken = await Site.start()
  const { port } = new URL(taken.address)
  const environment = { ...settingsFor(await migratedDatabase()), MAIL: 'off' }
  const refused = launchSite(folder, { ...environment, METRICS_PORT: port })
  assert.is(await refused.end, 1)
  assert.match(
    refused.stderr,
    new RegExp(`^Cannot listen on METRICS_HOST 127\\.0\\.0\\.1, METRICS_PORT ${port}: `, 'm'),
  )
  await taken.close()

  const site = launchSite(folder, { ...environment, METRICS_PORT: port })
  const address = await addressOf(site)
  assert.is((await supertest(address).get('/metrics')).status, 404)
  assert.ok((await metricsOf(`http://127.0.0.1:${port}`)).has('process_cpu_seconds_total'))
  site.signal('SIGTERM')
  assert.is(await site.end, 0)
  rmSync(folder, { recursive: true })
})

test('connections that send nothing keep nobody from the metrics, and stay few', async () => {
  const port = await freePort()
  const metrics = await createMetrics({ port })
  await metrics.listen()
  const silent = Array.from({ length: 150 }, () => connect(port, '127.0.0.1'))
  const isOpen = (socket: Socket) => !socket.destroyed
  for (const socket of silent) socket.on('error', () => {}).resume()
  await until(() => silent.filter(isOpen).length <= 100, 'the oldest are closed')
  assert.ok((await metricsOf(`http://127.0.0.1:${port}`)).has('process_cpu_seconds_total'))
  for (const socket of silent) socket.destroy()
  metrics.close()
})

test('adds up the counters of all workers, but not values from the database', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
  const environment = { ...settingsFor(await migratedDatabase()), MAIL: 'off', WEB_CONCURRENCY: '2' }
  const site = launchSite(folder, { ...environment, METRICS_TOKEN: TOKEN })
  const address = await addressOf(site)
  await new Visitor(address).settle('Anna')
  const before = await metricsOf(address)
  for (let time = 0; time < 4; time++) assert.is(await status(`${address}/`), 200)
  const after = await metricsOf(address)
  const home = 'gatehouse_http_requests_total{method="GET",route="/",status="200"}'
  assert.is((after.get(home) ?? 0) - (before.get(home) ?? 0), 4)
  assert.is(after.get('gatehouse_logins_total{outcome="logged_in"}'), 1)
  assert.is(after.get('gatehouse_sessions'), 1)
  assert.is(after.get('gatehouse_database_up'), 1)
  assert.ok((after.get('nodejs_eventloop_lag_max_seconds') ?? -1) >= 0)
  site.signal('SIGTERM')
  assert.is(await site.end, 0)
  rmSync(folder, { recursive: true })
})

test.run()
