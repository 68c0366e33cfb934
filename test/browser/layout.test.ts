import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import type { BrowserContextOptions, Page } from 'playwright-core'
import * as assert from 'uvu/assert'
import { PASSWORD } from '../support/helpers.js'
import { browserSuite, fillIn, pressForPage, pressForResponse } from './visit.js'

const { test, site, open } = browserSuite('layout')

let user: BrowserContextOptions

test.before(async () => {
  await site().visitor().signUp('Stable', { email: 'stable@example.com' })
  user = await loggedIn()
})

const SIZES = {
  desktop: { width: 1280, height: 800 },
  phone: { width: 390, height: 844 },
  'small phone': { width: 320, height: 640 },
}

const STRANGERS = ['/', '/signup/', '/login/', '/password/forgot/', '/users/stable/', '/nowhere']
const USERS = [
  '/',
  '/account/',
  '/account/name/',
  '/account/devices/',
  '/account/activity/',
  '/account/export/',
  '/account/email/',
  '/account/password/',
  '/account/close/',
  '/members/',
  '/logout/',
]

const PIECE = 300
const PIECE_MS = 20

// Counts shifts right after a press, too. Browsers do not count them, but visitors see them.
const OBSERVE = `
  window.shift = 0
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.shift += entry.value
  }).observe({ type: 'layout-shift', buffered: true })
`

async function watch(path: string, options: BrowserContextOptions): Promise<Page> {
  const page = await withoutCache(options)
  await page.addInitScript(OBSERVE)
  await page.goto(path)
  return page
}

/** Opens a window that loads all of every page, as on a first visit. */
async function withoutCache(options: BrowserContextOptions): Promise<Page> {
  const page = await open('/healthz', options)
  const session = await page.context().newCDPSession(page)
  await session.send('Network.enable')
  await session.send('Network.setCacheDisabled', { cacheDisabled: true })
  return page
}

async function shiftOf(page: Page): Promise<number> {
  // Browsers report a shift one frame after they show it.
  await page.evaluate(
    'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 100))))',
  )
  return Number(await page.evaluate('window.shift'))
}

/** Checks that nothing moves while these pages load, and that none is wider than the screen. */
async function assertCalm(paths: readonly string[], options: BrowserContextOptions): Promise<void> {
  const page = await watch('/healthz', options)
  for (const path of paths) {
    await page.goto(path)
    assert.is(await shiftOf(page), 0, path)
    assert.is(await page.evaluate('document.documentElement.scrollWidth > innerWidth'), false, path)
  }
  await page.context().close()
}

async function send(page: Page, values: Record<string, string>): Promise<void> {
  await fillIn(page, values)
  await page.locator('main form button').scrollIntoViewIfNeeded()
  await page.evaluate('window.shift = 0')
  await pressForResponse(page)
}

async function tops(page: Page): Promise<number[]> {
  return page.evaluate(
    '[...document.querySelectorAll("main input:not([type=hidden]), main button")].map((e) => e.getBoundingClientRect().top + scrollY)',
  )
}

/** Returns how far a field or button moved up, or further down than the messages above it need. */
async function movedTooFar(page: Page, before: readonly number[]): Promise<number> {
  const after = await tops(page)
  const room: number[] = await page.evaluate(ROOM)
  return Math.max(
    ...after.map((top, index) => {
      const moved = top - (before[index] ?? 0)
      return Math.max(-moved, moved - (room[index] ?? 0))
    }),
  )
}

const ROOM = `(() => {
  const place = (element) => element.getBoundingClientRect()
  const { height } = place(document.querySelector('#messages')) // a list keeps it in view
  const errors = [...document.querySelectorAll('.error-text')].map(place)
  return [...document.querySelectorAll('main input:not([type=hidden]), main button')].map((field) =>
    errors.filter(({ bottom }) => bottom <= place(field).top).reduce((sum, error) => sum + error.height, height))
})()`

async function assertSeen(page: Page): Promise<void> {
  const box = await page.locator('#messages > *').boundingBox()
  const { height = 0 } = page.viewportSize() ?? {}
  assert.ok(box !== null && box.y >= 0 && box.y + box.height <= height, `the message is at ${box?.y}`)
}

/** The left and right edges of header, content and footer, without padding. */
const EDGES = `
  [...document.querySelectorAll('body > :is(header, main, .settings, footer)')].map((element) => {
    const { left, right } = element.getBoundingClientRect()
    const { paddingLeft, paddingRight } = getComputedStyle(element)
    return (left + parseFloat(paddingLeft)) + '-' + (right - parseFloat(paddingRight))
  })`

/** Starts a proxy that sends pages in pieces, like a slow connection, and everything else immediately. */
async function slowLine(): Promise<{ address: string; close(): Promise<void> }> {
  const server = createServer(async ({ url = '', headers }, response) => {
    const { cookie = '' } = headers
    const page = await fetch(site().address + url, { headers: { cookie, 'accept-encoding': 'identity' } })
    const body = Buffer.from(await page.arrayBuffer())
    response.setHeader('content-type', page.headers.get('content-type') ?? '')
    if (!url.startsWith('/assets/'))
      for (let from = 0; from < body.length; from += PIECE) {
        response.write(body.subarray(from, from + PIECE))
        await pause(PIECE_MS)
      }
    response.end(url.startsWith('/assets/') ? body : '')
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise((closed) => server.close(() => closed())),
  }
}

/** Returns the cookies of a user with two devices, one of them with a long name. */
async function loggedIn(): Promise<BrowserContextOptions> {
  const page = await open('/login/', { javaScriptEnabled: false })
  await fillIn(page, { username: 'Stable', password: PASSWORD })
  await pressForPage(page)
  await page.goto('/account/devices/')
  await page.locator('input[name=name]').first().fill('W'.repeat(40))
  await pressForPage(page, '.rows form button >> nth=0')
  const storageState = await page.context().storageState()
  await page.context().close()
  await site().visitor().logIn('Stable')
  return { storageState }
}

for (const [name, viewport] of Object.entries(SIZES)) {
  test(`${name}: nothing moves while a page loads or is wider than the screen`, async () => {
    await assertCalm(['/', '/signup/', '/login/', '/users/stable/', '/nowhere'], { viewport })
  })

  test(`${name}: nothing moves or is too wide when logged in, either`, async () => {
    await assertCalm(USERS, { viewport, ...user })
    const page = await watch('/account/devices/', { viewport, ...user })
    const before = await tops(page)
    await page.locator('input[name=name]').nth(1).fill('x'.repeat(41))
    await page.locator('input[name=name]').nth(1).press('Enter')
    await page.waitForSelector('#messages .error')
    assert.ok((await movedTooFar(page, before)) <= 2)
    assert.is(await page.evaluate('document.documentElement.scrollWidth > innerWidth'), false)
    await page.context().close()
  })

  test(`${name}: nothing moves while a page arrives in small pieces`, async () => {
    const line = await slowLine()
    try {
      for (const [paths, options] of [
        [['/login/', '/signup/'], {}],
        [['/', '/account/'], user],
      ] as const) {
        const page = await watch('/healthz', { viewport, ...options })
        for (const path of paths) {
          await page.goto(line.address + path)
          assert.is(await shiftOf(page), 0, path)
        }
        await page.context().close()
      }
    } finally {
      await line.close()
    }
  })

  test(`${name}: a refused login moves the fields only by the height of its errors`, async () => {
    const page = await watch('/healthz', { viewport })
    for (const [username, password] of [
      ['', ''],
      ['Nobody', 'x'],
      ['Stable', 'x'],
      ['stable@example.com', 'x'],
    ] as const) {
      await page.context().clearCookies()
      await page.goto('/login/')
      const before = await tops(page)
      await send(page, { username, password })
      assert.ok((await movedTooFar(page, before)) <= 2, username)
    }
    await page.context().close()
  })

  test(`${name}: an empty message box takes no room, a full one is in view`, async () => {
    const page = await watch('/signup/', { viewport })
    assert.is(await page.evaluate('document.querySelector("#messages").offsetHeight'), 0)
    await send(page, {})
    await assertSeen(page)
    await fillIn(page, {
      username: 'Seen',
      email: 'stable@example.org',
      password: PASSWORD,
      repassword: PASSWORD,
    })
    await page.route('**/signup/verify/', (route) => route.abort())
    await send(page, {})
    await page.waitForSelector('#messages .no-response')
    await assertSeen(page)
    await page.context().close()
  })

  test(`${name}: all errors of a sign-up move fields no further than needed`, async () => {
    const most = { desktop: 0.1, phone: 0.35, 'small phone': 0.5 }[name] ?? 0
    const broken = { username: 'a!', email: 'x', password: 'abc', repassword: 'abd' }
    const page = await watch('/healthz', { viewport })
    for (const values of [{}, broken]) {
      await page.context().clearCookies()
      await page.goto('/signup/')
      const before = await tops(page)
      await send(page, values)
      const shift = await shiftOf(page)
      assert.ok(shift <= most, `${shift}`)
      assert.ok((await movedTooFar(page, before)) <= 2)
    }
    await page.context().close()
  })
}

test('a first visit to a page is at most 4 requests and 22 KB compressed', async () => {
  for (const [paths, options] of [[STRANGERS, {}] as const, [USERS, user] as const]) {
    const page = await withoutCache(options)
    const bodies: Promise<Buffer>[] = []
    page.on('response', (response) => void bodies.push(response.body()))
    for (const path of paths) {
      await page.goto(path)
      await page.waitForLoadState('networkidle')
      const sizes = (await Promise.all(bodies.splice(0))).map((body) => gzipSync(body).length)
      const bytes = sizes.reduce((sum, size) => sum + size, 0)
      assert.ok(sizes.length > 2 && sizes.length <= 4, `${path}: ${sizes.length} requests`)
      assert.ok(bytes > 5_000 && bytes < 22_000, `${path}: ${bytes} bytes`)
    }
    await page.context().close()
  }
})

test('a success message moves the fields only by its own height', async () => {
  const page = await watch('/login/', { viewport: SIZES.desktop })
  const before = await tops(page)
  await send(page, { username: 'Stable', password: PASSWORD })
  assert.ok((await movedTooFar(page, before)) <= 2)
})

test('sign-up fits a laptop, and fits a small phone with one scroll', async () => {
  for (const [viewport, screens] of [
    [{ width: 1280, height: 720 }, 1],
    [{ width: 360, height: 640 }, 2],
  ] as const) {
    const page = await open('/signup/', { viewport })
    const height = Number(await page.evaluate('document.documentElement.scrollHeight'))
    assert.ok(height <= screens * viewport.height, `${height} px`)
    await page.context().close()
  }
})

test('header, content and footer share their edges, and pages have two widths', async () => {
  const widths = new Map<number, string>()
  for (const [paths, options] of [[STRANGERS, {}] as const, [USERS, user] as const]) {
    const page = await open('/healthz', { viewport: { width: 1280, height: 800 }, ...options })
    for (const path of paths) {
      await page.goto(path)
      const edges: string[] = await page.evaluate(EDGES)
      assert.is(edges.length, 3, path)
      assert.is(new Set(edges).size, 1, `${path}: ${edges.join(' and ')}`)
      const [left = 0, right = 0] = (edges[0] ?? '').split('-').map(Number)
      widths.set(right - left, path)
    }
    await page.context().close()
  }
  assert.is(widths.size, 2, [...widths].join())
})

test.run()
