import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MINUTE } from '../../src/base/durations.js'
import { PASSWORD, type Page, Site, type Visitor } from '../support/helpers.js'

const test = suite('visitor input')
let site: Site

test.before(async () => {
  site = await Site.start()
})
test.after(() => site.close())

/** Texts that would do harm if unescaped: as markup, in an attribute, in a template, in a header. */
const CANARIES = [
  '<canary>',
  '"onfocus="canary',
  "'onfocus='canary",
  '--><canary>',
  '</title><canary>',
  '{{ 7 * 191 }}{% raw %}',
  'canary\r\nX-Canary: 1',
]

const ACCOUNT = ['', 'name/', 'devices/', 'activity/', 'export/'].map((page) => `/account/${page}`)

function assertHarmless(page: Page, canary: string): void {
  assert.not.match(page.text, '<canary')
  assert.not.match(page.text, '1337', 'input is not rendered as a template')
  assert.is(page.headers['x-canary'], undefined)
  for (const element of page.$('*').toArray()) {
    if (element.type !== 'tag') continue
    assert.is(element.name === 'canary', false, canary)
    assert.is(
      Object.keys(element.attribs).some((name) => name.startsWith('on')),
      false,
      canary,
    )
  }
}

async function typedEverywhere(visitor: Visitor, canary: string): Promise<Page[]> {
  const query = encodeURIComponent(canary)
  const typed = {
    username: canary,
    email: canary,
    password: canary,
    repassword: canary,
    next: `/${canary}`,
    note: canary,
  }
  const pages = []
  for (const path of ['/signup/', '/login/', '/members/recent/']) {
    pages.push(await visitor.open(`${path}?username=${query}&next=/${query}&${query}=1`))
    const form = await visitor.open(path)
    if (form.status === 200) pages.push(await visitor.send(form, typed))
  }
  pages.push(await visitor.open(`/${query}/`), await visitor.open(`/users/${query}/`))
  pages.push(await visitor.post('/members/recent/verify/', new URLSearchParams(typed).toString()))
  return pages
}

for (const htmx of [false, true]) {
  test(`returns to ${htmx ? 'htmx' : 'a plain browser'} as text only`, async () => {
    for (const canary of CANARIES) {
      const visitor = site.visitor({ htmx })
      visitor.agent.set('User-Agent', `Mozilla/5.0 ${canary.replaceAll(/\s/g, ' ')}`)
      for (const page of await typedEverywhere(visitor, canary)) assertHarmless(page, canary)
    }
  })

  test(`returns to ${htmx ? 'htmx' : 'a plain browser'} as text only when logged in, on every page`, async () => {
    const visitor = site.visitor({ htmx })
    visitor.agent.set('User-Agent', 'Mozilla/5.0 (<canary>; "onfocus="canary) {{ 7 * 191 }}')
    await visitor.settle(`Typist ${htmx}`)
    for (const canary of CANARIES) {
      const note = await visitor.open('/members/recent/')
      assertHarmless(await visitor.send(note, { note: canary }), canary)
      const rename = await visitor.open('/account/name/')
      assertHarmless(await visitor.send(rename, { username: canary }), canary)
      for (const path of ['/', '/members/recent/', ...ACCOUNT]) {
        const query = encodeURIComponent(canary)
        assertHarmless(await visitor.open(`${path}?before=${query}&next=${query}`), canary)
      }
    }
    site.clock.advance(10 * MINUTE)
    const late = await visitor.post(
      '/members/recent/verify/',
      new URLSearchParams({ note: CANARIES.join() }).toString(),
    )
    assertHarmless(late, 'note')
  })
}

test('stays out of the log, and so do request headers', async () => {
  const visitor = site.visitor()
  visitor.agent.set({ Referer: 'http://127.0.0.1/typed-referer', 'X-Forwarded-For': 'typed-address' })
  await visitor.open('/typed-path/?typed-query')
  await visitor.logIn('typed-name', { password: 'typed-password' })
  await visitor.signUp('typed-name', {
    email: 'typed-mail',
    password: PASSWORD,
    repassword: 'typed-password',
  })
  await visitor.post('/members/recent/verify/', 'note=typed-note', { 'HX-Current-URL': 'typed-url' })
  assert.not.match(site.logs.join(''), 'typed-')
})

test.run()
