import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import supertest from 'supertest'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LIFETIMES } from '../../src/accounts/lifetimes.js'
import { LOST_WAIT, SECOND_OPTIONAL } from '../../src/accounts/registry.js'
import { root } from '../../src/base/package.js'
import type { Exhibit } from '../../src/dev/exhibit.js'
import { gallery } from '../../src/dev/exhibits.js'
import { templateNames } from '../../src/views/templates.js'
import type { Message } from '../../src/web/form.js'
import { FRAGMENT } from '../../src/web/page.js'
import { Site } from '../support/helpers.js'
import { assertValid } from '../support/html.js'
import { sourcesIn } from '../support/sources.js'
import { structureOf } from '../support/structure.js'

/** Templates in which the gallery shows fragments and emails. */
const FRAMES = ['dev/gallery/fragment.html', 'dev/gallery/text.html']

const test = suite('dev/gallery')
let site: Site

test.before(async () => {
  site = await Site.start({ development: true })
})
test.after(() => site.close())

const exhibits: readonly Exhibit[] = gallery({
  url: (name) => `/${name}/`,
  lifetimes: LIFETIMES,
  rules: {
    passwordMinLength: 8,
    siteWords: [],
    signup: 'open',
    emails: 'required',
    confirmation: 'optional',
    confirmationGrace: 0,
    privateEmails: false,
    loginErrors: 'exact',
    second: SECOND_OPTIONAL,
    lostWait: LOST_WAIT,
  },
  now: Date.UTC(2026, 0, 1),
})

const samples = exhibits.flatMap((exhibit) => ('sample' in exhibit ? [exhibit.sample] : []))
const letters = exhibits.flatMap((exhibit) => ('letter' in exhibit ? [exhibit] : []))

function pathOf({ page, state }: Exhibit): string {
  return `/dev/gallery/${page}/${state}/`
}

function isPage(name: string): boolean {
  const text = readFileSync(join(root, 'templates', name), 'utf8')
  return /\{% extends ["']layouts\/page\.html["'] %\}/.test(text)
}

test('shows every page template', () => {
  const shown = new Set([...samples.map(({ template }) => template), ...FRAMES])
  assert.equal(
    templateNames().filter((name) => isPage(name) && !shown.has(name)),
    [],
  )
})

test('shows the htmx fragment of every form with fields', () => {
  const folders = templateNames().filter((name) => name.endsWith('/fields.html'))
  const shown = new Set(samples.flatMap(({ template, form }) => (template === FRAGMENT ? form?.name : [])))
  assert.equal(
    folders.map((name) => name.slice(0, -'/fields.html'.length)).filter((name) => !shown.has(name)),
    [],
  )
})

test('shows every email as HTML and as text', () => {
  const parts = ['mail/layout.txt', 'mail/where.txt']
  const kinds = templateNames().filter((name) => /^mail\/.*\.txt$/.test(name) && !parts.includes(name))
  for (const name of kinds) {
    const kind = name.slice('mail/'.length, -'.txt'.length)
    const shown = letters.filter(({ letter }) => letter.kind === kind).map(({ as }) => as)
    assert.equal(new Set(shown), new Set(['html', 'text']), name)
  }
})

test('every URL is unique, and every page has a long and a right-to-left state', () => {
  const paths = exhibits.map(pathOf)
  assert.is(new Set(paths).size, paths.length)
  for (const page of new Set(exhibits.map(({ page }) => page))) {
    if (['dev-gallery', 'messages'].includes(page)) continue
    for (const state of ['long', 'right-to-left'])
      assert.ok(
        exhibits.some((one) => one.page === page && one.state.includes(state)),
        `${page} ${state}`,
      )
  }
})

test('shows only messages that the site has', () => {
  const texts = sourcesIn('src')
    .filter(({ path }) => !path.startsWith('src/dev/'))
    .map(({ text }) => text.replaceAll(/\\'/g, "'"))
  const unsaid = samples.flatMap(messagesOf).filter(({ code, sentence }) => {
    return !texts.some((text) => text.includes(`'${code}'`) && text.includes(sentence))
  })
  assert.equal(unsaid, [])
})

function messagesOf({ errors = [], notice, onward }: (typeof samples)[number]): Message[] {
  return [...errors, ...(notice ? [notice.message] : []), ...(onward ? [onward.message] : [])]
}

test('every state is linked, is complete, is valid HTML and cannot send forms', async () => {
  const index = await site.visitor().open('/dev/gallery/')
  const links = index
    .$('main .rows a')
    .toArray()
    .map(({ attribs }) => attribs.href ?? '')
  assert.equal([...links].sort(), exhibits.map(pathOf).sort())
  await assertValid(index.text, '/dev/gallery/')
  const structures = new Set<string>()
  for (const path of links) {
    const page = await site.visitor().open(path)
    assert.is(page.status, 200, `${path}\n${page.messages().join('\n')}\n${page.$('pre').text()}`)
    if (!structures.has(structureOf(page.text))) await assertValid(page.text, path)
    structures.add(structureOf(page.text))
    // A missing parameter would leave its placeholder, and an undefined one its name.
    const visible = page.$('body').text()
    assert.not.match(visible, /\{\w+\}|\bundefined\b|\bnull\b|\[object/, path)
    assert.match(page.headers['content-security-policy'] ?? '', "form-action 'none'")
    assert.not.match(page.headers['content-security-policy'] ?? '', 'script-src')
    // The text for a lost response is in a script that never runs.
    assert.is(page.$('script:not([type="text/html"])').length, 0)
    assert.equal(page.cookies, [])
  }
})

const PURPOSES: Record<string, RegExp> = {
  username: /^username(?: webauthn)?$/,
  // If sign-up asks for no username, people log in with the address.
  email: /^(?:email|username)$/,
  current: /^current-password$/,
  password: /^(?:current|new)-password$/,
  repassword: /^new-password$/,
  code: /^one-time-code$/,
  name: /^off$/,
  note: /^off$/,
}

test('every field has its purpose, every password a username, every error a link', async () => {
  let errors = 0
  for (const exhibit of exhibits.filter(({ state }) => /(?:^|-)errors$/.test(state) && !/htmx/.test(state))) {
    const { $ } = await site.visitor().open(pathOf(exhibit))
    for (const { attribs } of $('main input:not([type=hidden], [type=checkbox])').toArray()) {
      // What admins type is about someone else.
      const purpose = exhibit.page.startsWith('admin') ? /^off$/ : PURPOSES[attribs.name ?? '']
      assert.match(attribs.autocomplete ?? '', purpose ?? /^$/, pathOf(exhibit))
      if (attribs.name === 'code') assert.is(attribs.inputmode, 'numeric')
    }
    if ($('main [type=password]').length > 0) {
      assert.is($('main form [autocomplete~=username]').length, 1, pathOf(exhibit))
    }
    for (const { attribs } of $('#messages a[href^="#"]').toArray()) {
      const field = $(`input${attribs.href}`)
      assert.is(field.attr('aria-invalid'), 'true', `${pathOf(exhibit)} ${attribs.href}`)
      const described = field.attr('aria-describedby')?.split(' ') ?? []
      assert.ok(described.some((id) => $(`#${id}`).hasClass('error-text') && $(`#${id}`).text() !== ''))
      errors++
    }
  }
  assert.ok(errors > 20, `${errors} errors`)
})

test('shows neither the visitor’s waiting message nor the logged-in user', async () => {
  const user = await site.visitor().settle('Anna')
  await user.send(await user.open('/logout/'))
  const page = await user.open('/dev/gallery/signup/empty/')
  assert.equal(page.messages(), [])
  assert.match((await user.open('/')).messages().join(), 'logged out')
  await user.logIn('Anna')
  assert.not.match((await user.open('/dev/gallery/login/empty/')).$('header').text(), 'Anna')
})

test('a form sent from the gallery is refused', async () => {
  const visitor = site.visitor()
  const page = await visitor.open('/dev/gallery/signup/right-to-left/')
  assert.is((await visitor.send(page, { password: 'x' })).status, 403)
})

test('uses the host app’s messages and templates', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-templates-'))
  mkdirSync(join(folder, 'parts'))
  writeFileSync(join(folder, 'parts', 'footer.html'), '<footer><p>Ours</p></footer>')
  const own = await Site.start({
    development: true,
    templates: [folder],
    messages: { username_reserved: '', email_taken: 'Had.' },
  })
  const page = await own.visitor().open('/dev/gallery/email-confirm-address/errors/')
  assert.is(page.$('footer').text(), 'Ours')
  assert.equal(page.messages(), ['⚠ Had.'])
  await own.close()
  rmSync(folder, { recursive: true })
})

test('names a broken template and its line', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-templates-'))
  mkdirSync(join(folder, 'parts'))
  writeFileSync(join(folder, 'parts', 'messages.html'), '{% if messages.notice %}\n{{ nobody }}\n{% endif %}')
  const own = await Site.start({ development: true, templates: [folder] })
  const page = await own.visitor().open('/dev/gallery/messages/success/')
  assert.is(page.status, 500)
  assert.match(page.$('pre').text(), '(parts/messages.html) [Line 2')
  await own.close()
  rmSync(folder, { recursive: true })
})

test('an unknown page or state gets 404', async () => {
  for (const path of ['/dev/gallery/nothing/empty/', '/dev/gallery/login/nothing/', '/dev/gallery/login/'])
    assert.is((await site.visitor().open(path)).status, 404)
})

for (const [what, headers] of [
  ['a name that someone may have pointed here', { Host: 'evil.example' }],
  ['a proxy', { 'X-Forwarded-For': '192.0.2.1' }],
] as const) {
  test(`is not served through ${what}`, async () => {
    for (const path of ['/dev/gallery/', '/dev/gallery/login/empty/'])
      assert.is((await supertest(site.server).get(path).set(headers)).status, 404)
  })
}

test('is served in development without email, never in production or in public', async () => {
  const production = { NODE_ENV: 'production', BASE_URL: 'http://127.0.0.1:3000', MAIL: 'off' }
  for (const [environment, status] of [
    [{ MAIL: 'off' }, 200],
    [production, 404],
    [{ BASE_URL: 'https://accounts.example.com' }, 404],
  ] as const) {
    const other = await Site.start({ environment: { NODE_ENV: 'development', ...environment } })
    for (const path of ['/dev/gallery/', '/dev/gallery/login/empty/', '/dev/gallery/mail-email-taken/html/'])
      assert.is((await other.visitor().open(path)).status, status)
    await other.close()
  }
})

test.run()
