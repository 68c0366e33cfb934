import { gzipSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PASSWORD, Site } from '../support/helpers.js'

const test = suite('refused forms')
let site: Site

test.before(async () => {
  site = await Site.start()
})
test.after(async () => {
  assert.equal(await site.rows('select * from users'), [], 'no account was created')
  await site.close()
})

const SECURITY = [
  'content-security-policy',
  'x-content-type-options',
  'referrer-policy',
  'cross-origin-opener-policy',
]

for (const htmx of [false, true]) {
  const kind = htmx ? 'htmx' : 'a plain browser'

  test(`${kind}: a malformed form gets 400 and the message box`, async () => {
    const visitor = site.visitor({ htmx })
    const form = await visitor.open('/signup/')
    const good = `_csrf=${form.value('_csrf')}&_once=x&email=a@example.com&password=${PASSWORD}&repassword=${PASSWORD}`
    const broken = [
      'username=anna&username=berta',
      'username[]=anna',
      'username[a]=anna',
      'username%5B%5D=anna',
      '__proto__=x&username=anna',
      '__proto__[username]=x',
      'username=%FF%FE',
      'username=%',
      'username=%zz',
      'username=anna%00',
      'other%00=x&username=anna',
      Array.from({ length: 200 }, (_, index) => `f${index}=x`).join('&'),
    ]
    for (const body of broken) {
      const page = await visitor.post('/signup/verify/', `${good}&${body}`)
      assert.is(page.status, 400, body)
      assert.equal(page.messages(), ['⚠ The form did not arrive complete. Try again.'])
      assert.is(page.isWhole, !htmx)
      for (const name of SECURITY) assert.ok(page.headers[name], name)
      assert.is(page.headers['cache-control'], 'private, no-cache, no-store')
      assert.match(page.headers.vary ?? '', /^HX-Request\b/)
      if (!htmx) assert.is(page.$('main a[href="/signup/"]').length, 1, 'there is a way back to the form')
    }
  })

  test(`${kind}: a body that is not a UTF-8 form gets 415`, async () => {
    const visitor = site.visitor({ htmx })
    const types = [
      'application/json',
      'text/plain',
      'multipart/form-data; boundary=x',
      'application/x-www-form-urlencoded; charset=iso-8859-1',
      'application/x-www-form-urlencoded; charset="',
    ]
    for (const type of types) {
      const page = await visitor.post('/signup/verify/', '{}', { 'Content-Type': type })
      assert.is(page.status, 415, type)
      assert.equal(page.messages(), ['⚠ This page only accepts forms in UTF-8.'])
    }
  })

  test(`${kind}: a form over 32 KB gets 413, compressed or not`, async () => {
    const large = `username=${'a'.repeat(33 * 1024)}`
    const page = await site.visitor({ htmx }).post('/signup/verify/', large)
    assert.is(page.status, 413)
    assert.equal(page.messages(), ['⚠ The form is too large. Shorten what you typed and try again.'])

    const bomb = await send(gzipSync(large), { 'Content-Encoding': 'gzip' })
    assert.is(bomb.status, 413)
  })
}

test('bytes that are not UTF-8 get 400', async () => {
  assert.is((await send(Buffer.from([0x75, 0x3d, 0xff]), {})).status, 400)
})

test('broken compression gets 400, unknown compression 415', async () => {
  assert.is((await send(Buffer.from('not gzip at all'), { 'Content-Encoding': 'gzip' })).status, 400)
  assert.is((await send(Buffer.from('a=b'), { 'Content-Encoding': 'zip' })).status, 415)
})

test('the site still works after all of them', async () => {
  assert.is((await site.visitor().open('/signup/')).status, 200)
})

async function send(body: Buffer, headers: Record<string, string>): Promise<Response> {
  return fetch(`${site.address}/signup/verify/`, {
    method: 'POST',
    body,
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers },
  })
}

test.run()
