import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { get, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Site } from './support/helpers.js'

const test = suite('every page')
let site: Site

test.before(async () => {
  site = await Site.start()
})
test.after(() => site.close())

const SECURITY = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

const NOTHING_LOADED = "default-src 'none'; frame-ancestors 'none'"

test('the home page links to login and sign-up', async () => {
  const page = await site.visitor().open('/')
  assert.is(page.status, 200)
  assert.ok(page.$('main p').text().length > 20)
  assert.ok(page.$('a[href="/login/"]').length > 0)
  assert.ok(page.$('a[href="/signup/"]').length > 0)
})

test('every response has the security headers, and no dynamic one is cached', async () => {
  const asset = (await site.visitor().open('/')).$('script').attr('src') ?? ''
  const paths = [
    '/',
    '/login/',
    '/signup/verify/',
    '/nowhere',
    '/users/nobody/',
    '/login',
    '/healthz',
    asset,
    '/favicon.ico',
  ]
  for (const path of paths) {
    const page = await site.visitor().open(path)
    const isFile = path === asset || path === '/favicon.ico'
    const expected = isFile ? { ...SECURITY, 'content-security-policy': NOTHING_LOADED } : SECURITY
    for (const [name, value] of Object.entries(expected))
      assert.is(page.headers[name], value, `${name} of ${path}`)
    if (isFile) continue
    assert.is(page.headers['cache-control'], 'private, no-cache, no-store', path)
    assert.match(page.headers.vary ?? '', /^HX-Request\b/, path)
  }
})

test('routes other than pages accept only GET and HEAD', async () => {
  const own = await Site.start({ environment: { METRICS_TOKEN: 'a-token-for-metrics-of-32-letters' } })
  const home = await own.visitor().open('/')
  const paths = [
    '/healthz',
    '/readyz',
    '/metrics',
    '/favicon.ico',
    '/.well-known/change-password',
    home.$('script').attr('src') ?? '',
    home.$('link[rel="stylesheet"]').attr('href') ?? '',
  ]
  for (const path of paths) {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND']) {
      const { status, headers } = await responseTo(own.address, path, method)
      assert.is(status, 405, `${method} ${path}`)
      assert.is(headers.allow, 'GET, HEAD', `${method} ${path}`)
      assert.ok(headers['content-security-policy'], `${method} ${path}`)
    }
    for (const method of ['GET', 'HEAD']) {
      const { status } = await responseTo(own.address, path, method)
      assert.ok(status !== 405, `${method} ${path}`)
    }
  }
  await own.close()
})

function responseTo(address: string, path: string, method: string) {
  return new Promise<{ status: number | undefined; headers: IncomingHttpHeaders }>((resolve, reject) => {
    request(`${address}${path}`, { method, agent: false }, (response) => {
      response.resume().on('end', () => resolve({ status: response.statusCode, headers: response.headers }))
    })
      .on('error', reject)
      .end()
  })
}

test('assets are served compressed and immutable, with an ETag per encoding', async () => {
  const home = await site.visitor().open('/')
  const files = [
    home.$('script').attr('src') ?? '',
    ...home
      .$('link[rel=icon], link[rel=stylesheet]')
      .toArray()
      .map((link) => link.attribs.href ?? ''),
  ]
  const etags = new Set<string>()
  for (const file of files) {
    for (const encoding of ['br', 'gzip', 'identity']) {
      const response = await fetch(site.address + file, { headers: { 'Accept-Encoding': encoding } })
      assert.is(response.status, 200)
      assert.is(response.headers.get('content-encoding') ?? 'identity', encoding)
      assert.is(response.headers.get('cache-control'), 'public, max-age=31536000, immutable')
      assert.is(response.headers.get('vary'), 'Accept-Encoding')
      assert.ok((await response.arrayBuffer()).byteLength > 100)
      const etag = response.headers.get('etag') ?? ''
      assert.not(etags.has(etag), 'each encoding has its own ETag')
      etags.add(etag)
      // Proxies that compress turn it into a weak ETag.
      for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
        const again = await site.visitor().open(file, { 'Accept-Encoding': encoding, 'If-None-Match': known })
        assert.is(again.status, 304)
        assert.is(again.headers.etag, etag)
        assert.is(again.headers.vary, 'Accept-Encoding')
        assert.is(again.headers['content-encoding'], undefined)
      }
    }
  }
  assert.is((await site.visitor().open('/assets/htmx.000000000000.js')).status, 404)
  assert.is((await site.visitor().open('/assets/..%2fsite.css')).status, 404)
})

test('the style sheet and scripts are sent without comments', async () => {
  const home = await site.visitor().open('/')
  const text = async (path = '') => (await fetch(site.address + path)).text()
  const css = await text(home.$('link[rel=stylesheet]').attr('href'))
  assert.match(css, /^ ?:root \{ --page: #f6f7f9; --surface: #fff;/)
  assert.not.match(css, /\/\*|\n/)
  const js = await text(home.$('script').attr('src'))
  assert.match(js, /^var htmx=.*;\s*const sayNoResponse = /)
  assert.not.match(js, /\/\/ htmx has no/)
})

const DECODERS = { br: brotliDecompressSync, gzip: gunzipSync, identity: (body: Buffer) => body }

/** Returns a response as it was sent, without decoding. */
async function received(path: string, headers: Record<string, string>, method = 'GET') {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(site.address + path, { headers, method }, resolve).on('error', reject)
  })
  return { headers: response.headers, body: await buffer(response) }
}

function untokened(html: string): string {
  return html.replaceAll(/(?<=value=")[\w-]{22,43}(?=")/g, '')
}

test('pages over 1 KB are compressed in the browser’s preferred encoding', async () => {
  const plain = untokened((await received('/signup/', {})).body.toString())
  for (const [accepted, encoding] of [
    ['gzip, deflate, br, zstd', 'br'],
    ['gzip, deflate', 'gzip'],
    ['GZIP;Q=1', 'gzip'],
    ['br;q=0.5, gzip', 'gzip'],
    ['*', 'br'],
    ['*;q=0.5, br;q=0', 'gzip'],
    ['*;q=0', 'identity'],
    ['identity, gzip;q=0.5', 'identity'],
    ['identity;q=0, gzip;q=0.1', 'gzip'],
    ['br;q=0, gzip;q=x', 'identity'],
    ['deflate', 'identity'],
  ] as const) {
    for (const method of ['GET', 'HEAD']) {
      const { headers, body } = await received('/signup/', { 'Accept-Encoding': accepted }, method)
      assert.is(headers['content-encoding'] ?? 'identity', encoding, `${method} ${accepted}`)
      assert.match(headers.vary ?? '', /, Accept-Encoding$/)
      assert.ok(encoding === 'identity' || Number(headers['content-length']) < plain.length / 2)
      if (method === 'HEAD') continue
      assert.is(`${body.length}`, headers['content-length'])
      assert.is(untokened(DECODERS[encoding](body).toString()), plain)
    }
  }
  const asset = (await site.visitor().open('/')).$('script').attr('src') ?? ''
  const script = await received(asset, { 'Accept-Encoding': 'gzip, deflate, br, zstd' })
  assert.is(script.headers['content-encoding'], 'br')
})

test('fragments and error pages are compressed, short responses are not', async () => {
  const visitor = site.visitor({ htmx: true })
  visitor.agent.set('Sec-Fetch-Site', 'same-origin')
  const form = await visitor.open('/signup/')
  const refused = await visitor.send(form)
  assert.is(refused.headers['content-encoding'], 'gzip')
  assert.is(refused.messages().length, 4)
  const problem = await site.visitor().open('/nowhere/', { 'Accept-Encoding': 'br' })
  assert.is(problem.headers['content-encoding'], 'br')
  assert.match(problem.title, /^Error:/)
  const short = await visitor.post('/nowhere/', '')
  assert.ok(short.text.length < 1024)
  assert.is(short.headers['content-encoding'], undefined)
  for (const path of ['/healthz', '/login']) {
    const { headers } = await received(path, { 'Accept-Encoding': 'gzip' })
    assert.is(headers['content-encoding'], undefined)
    assert.not.match(headers.vary ?? '', /Accept-Encoding/)
  }
})

test('a page that another site opens with cookies is not compressed', async () => {
  const isCompressed = async (headers: Record<string, string>) => {
    const response = await received('/login/?next=/guess/', { 'Accept-Encoding': 'br', ...headers })
    return response.headers['content-encoding'] === 'br'
  }
  const Cookie = 'some=cookie'
  const Referer = `${site.address}/`
  for (const own of ['same-origin', 'none']) assert.ok(await isCompressed({ Cookie, 'Sec-Fetch-Site': own }))
  for (const other of ['cross-site', 'same-site']) {
    assert.not(await isCompressed({ Cookie, 'Sec-Fetch-Site': other, Referer }))
    assert.ok(await isCompressed({ 'Sec-Fetch-Site': other }), 'without cookies there are no secrets')
  }
  assert.ok(await isCompressed({ Cookie, Referer }))
  for (const other of ['http://evil.example/', 'no address'])
    assert.not(await isCompressed({ Cookie, Referer: other }))
  assert.not(await isCompressed({ Cookie }))
})

test('COMPRESSION=off turns compression off', async () => {
  const own = await Site.start({ environment: { COMPRESSION: 'off' } })
  const page = await own.visitor().open('/signup/')
  assert.is(page.headers['content-encoding'], undefined)
  assert.not.match(page.headers.vary ?? '', /Accept-Encoding/)
  await own.close()
})

test('wrong methods get 403 at URLs of forms, and 405 elsewhere', async () => {
  for (const path of ['/signup/verify/', '/login/verify/']) {
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const response = await fetch(site.address + path, { method })
      assert.is(response.status, 403, `${method} ${path}`)
      assert.is(response.headers.get('allow'), 'POST')
      if (method !== 'HEAD') assert.match(await response.text(), 'This page only accepts POST')
    }
  }
  // The router of the site finds /members/ in any letters.
  for (const path of ['/', '/signup/', '/login/', '/users/x/', '/MEMBERS/']) {
    const response = await fetch(site.address + path, { method: 'POST', body: new URLSearchParams() })
    assert.is(response.status, 405)
    assert.is(response.headers.get('allow'), 'HEAD, GET')
  }
  const page = await site.visitor().open('/signup/verify/')
  assert.ok(page.isWhole)
  assert.is(page.$('main a[href="/signup/"]').length, 1, 'the page links to the form')
  const fragment = await site.visitor().open('/signup/verify/', { 'HX-Request': 'true' })
  assert.is(fragment.status, 403)
  assert.not.ok(fragment.isWhole)
})

test('an unknown URL gets a 404 page that links home', async () => {
  for (const path of [
    '/nowhere',
    '/nowhere/',
    '/login/x/',
    '/LOGIN/',
    '//evil.example',
    '//evil.example/',
    '/login//',
    '/%2e%2e/',
  ]) {
    const page = await site.visitor().open(path)
    assert.is(page.status, 404, path)
    assert.is(page.headers.location, undefined)
    assert.match(page.title, /^Error:/)
    assert.is(page.$('main a[href="/"]').length, 1)
  }
})

test('a URL without its trailing slash redirects and keeps its query', async () => {
  for (const [path, location] of [
    ['/login', '/login/'],
    ['/signup?a=//b', '/signup/?a=//b'],
    ['/logout', '/logout/'],
  ]) {
    const page = await site.visitor().open(path ?? '')
    assert.is(page.status, 308)
    assert.is(page.headers.location, location)
  }
})

test('htmx gets a redirect instead of a whole page, and the notice stays', async () => {
  const visitor = site.visitor()
  await visitor.signUp('Tilda')
  for (const path of ['/', '/login/', '/signup/?a=b', '/users/tilda/', '/nowhere/']) {
    const page = await visitor.open(path, { 'HX-Request': 'true' })
    assert.is(page.status, 200)
    assert.is(page.text, '')
    assert.is(page.headers['hx-redirect'], path)
  }
  assert.is((await visitor.agent.head('/')).status, 200)
  assert.match((await visitor.open('/')).messages().join(), 'Tilda is ready')
})

test('a plain page with errors has them in its title, and focuses the message box', async () => {
  const visitor = site.visitor()
  const page = await visitor.send(await visitor.open('/login/'))
  assert.match(page.title, /^Error: /)
  assert.is(page.$('#messages[autofocus]').length, 1)
  assert.is(page.$('#messages').attr('role'), 'status')
  assert.is(page.$('#messages').attr('tabindex'), '-1')
  assert.is((await visitor.open('/login/')).$('#messages[autofocus]').length, 0)
})

test('an unexpected error is 500 with a reference that is also in the log', async () => {
  const broken = await Site.start({ development: false })
  await broken.visitor().signUp('Ulla')
  const visitor = broken.visitor()
  const form = await visitor.open('/login/')
  await breakSessions(broken)
  const page = await visitor.send(form, { username: 'Ulla', password: 'correct horse 42' })
  assert.is(page.status, 500)
  const reference = /\d{12}/.exec(page.messages().join())?.[0] ?? 'none'
  assert.not.match(page.text, NO_TABLE)
  const line = broken.logs.find((entry) => entry.includes(reference) && entry.includes('"level":50')) ?? ''
  assert.match(line, NO_TABLE)
  assert.not.match(broken.logs.join(''), 'correct horse')

  const htmx = broken.visitor({ htmx: true })
  const fragment = await htmx.send(await htmx.open('/login/'), {
    username: 'Ulla',
    password: 'correct horse 42',
  })
  assert.is(fragment.status, 500)
  assert.not.ok(fragment.isWhole)
  assert.match(fragment.messages().join(), /\d{12}/)
  await broken.close()
})

test('where no page can be rendered, the sentence is plain text in the language of the visitor', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-broken-'))
  mkdirSync(join(folder, 'layouts'))
  writeFileSync(join(folder, 'layouts', 'page.html'), '{{ nothing() }}')
  const broken = await Site.start({ development: false, templates: [folder] })
  const german = { 'Accept-Language': 'de' }
  const unknown = await broken.visitor().open('/nowhere/', german)
  assert.equal([unknown.status, unknown.text.trim()], [404, 'Unter dieser Adresse gibt es keine Seite.'])
  assert.match(unknown.headers['content-type'] ?? '', 'text/plain')
  const login = await broken.visitor().open('/login/', german)
  assert.is(login.status, 500)
  assert.match(login.text, /^Bei uns ist etwas schiefgegangen.*\d{12}/)
  await broken.close()
})

const NO_TABLE = /no such table|relation \\?"sessions\\?" does not exist/

function breakSessions(site: Site): Promise<void> {
  return site.write('drop table sessions')
}

test('health and readiness differ', async () => {
  const own = await Site.start()
  assert.is((await own.visitor().open('/healthz')).status, 200)
  assert.is((await own.visitor().open('/readyz')).status, 200)
  await own.write("delete from kysely_migration where name like '0003%'")
  assert.is((await own.visitor().open('/readyz')).status, 503)
  assert.is((await own.visitor().open('/healthz')).status, 200)
  await own.close()
})

test('THEME_COLOR sets the color of the browser’s toolbars, and by default nothing does', async () => {
  const site = await Site.start({ environment: { THEME_COLOR: '#7a1fa2' } })
  assert.is((await site.visitor().open('/')).$('meta[name="theme-color"]').attr('content'), '#7a1fa2')
  await site.close()
  const plain = await Site.start()
  assert.is((await plain.visitor().open('/')).$('meta[name="theme-color"]').length, 0)
  await plain.close()
})

test.run()
