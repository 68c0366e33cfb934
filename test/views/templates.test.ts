import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { originalOf, templateNames } from '../../src/views/templates.js'
import { Site } from '../support/helpers.js'
import { launchSite, refusal } from '../support/program.js'

const test = suite('the host app’s templates')
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-templates-'))

test.after(() => rmSync(folder, { recursive: true, force: true }))

function write(name: string, text: string): void {
  const file = join(folder, name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

test('a template with the name of an original replaces it', async () => {
  write('login/page.html', '{% extends "layouts/page.html" %}{% set title = "Come in" %}')
  const site = await Site.start({ templates: [folder] })
  assert.is((await site.visitor().open('/login/')).$('h1').text(), 'Come in')
  await site.close()
})

const OTHERS = [
  '<script src="https://unpkg.com/htmx.org@2.0.4"></script>',
  '<script defer src="/vendor/htmx.min.js?v=2"></script>',
  "<script src='/js/htmx-2.0.6.min.js'></script>",
  '<script src="https://cdn.jsdelivr.net/npm/htmx.org@2.0.6/dist/htmx.js" defer></script>',
]
const NONE = [
  '<script src="{{ asset(\'htmx.js\') }}" defer></script>',
  '<script src="/js/htmx-ext-sse.js"></script>',
  '<link rel="stylesheet" href="/htmx.css">',
]

test('a template that loads its own htmx is named in the log at start', async () => {
  for (const [texts, count] of [
    [OTHERS, 1],
    [NONE, 0],
  ] as const) {
    for (const text of texts) {
      write('parts/head.html', text)
      const site = await Site.start({ templates: [folder] })
      const said = site.logs.filter((line) => line.includes('loads its own htmx'))
      assert.is(said.length, count, text)
      if (count > 0) assert.match(said.join(), 'parts/head.html')
      await site.close()
    }
  }
  rmSync(join(folder, 'parts'), { recursive: true })
})

test('no built-in template has an attribute with which a second htmx would post again', () => {
  const acting = /\bhx-(?:post|put|patch|delete|boost)\b/
  assert.equal(
    templateNames().filter((name) => acting.test(originalOf(name))),
    [],
  )
})

test('edits show immediately, and errors name template and line, in development only', async () => {
  const site = await Site.start({ templates: [folder], development: true })
  const page = async () => site.visitor().open('/login/')
  write('login/page.html', '{% extends "layouts/page.html" %}{% set title = "Edited" %}')
  assert.is((await page()).$('h1').text(), 'Edited')
  write(
    'login/page.html',
    '{% extends "layouts/page.html" %}\n{% set title = "Broken" %}{% block content %}\n{{ nobody.knows }}{% endblock %}',
  )
  const broken = await page()
  assert.is(broken.status, 500)
  assert.match(broken.$('pre').text(), 'login/page.html')
  assert.match(broken.$('pre').text(), 'Line 3')
  write('login/page.html', '{% extends "layouts/page.html" %}{% set title = "Included" %}')
  write('parts/footer.html', '\n{% if %}')
  const included = await page()
  assert.is(included.status, 500)
  assert.match(included.text, 'parts/footer.html')
  assert.match(included.text, 'Line 2')
  rmSync(join(folder, 'parts'), { recursive: true })

  write('layouts/page.html', '<!doctype html>\n{% if %}')
  const bare = await page()
  assert.is(bare.status, 500)
  assert.match(bare.text, 'layouts/page.html')
  assert.match(bare.text, 'Line 2')
  await site.close()

  rmSync(join(folder, 'layouts'), { recursive: true })
  write('home/page.html', '{{ nobody.knows }}')
  const production = await Site.start({ templates: [folder], development: false })
  const secretive = await production.visitor().open('/')
  assert.is(secretive.status, 500)
  assert.not.match(secretive.text, 'nobody')
  await production.close()
})

const MACRO = '{% macro field(form, name, input) %}\n<p>\n'

for (const [what, name, text, line] of [
  [
    'an undefined value after what is included',
    'login/page.html',
    '{% extends "layouts/page.html" %}{% set title = "x" %}{% block content %}{% include "parts/footer.html" %}\n{{ nobody }}{% endblock %}',
    2,
  ],
  ['an undefined value in a macro', 'fields/field.html', `${MACRO}{{ nobody }}{% endmacro %}`, 3],
  ['a mistake of syntax in a macro', 'fields/field.html', `${MACRO}{{ nobody( }}{% endmacro %}`, 3],
  ['an unknown filter', 'fields/field.html', `${MACRO}{{ name | nofilter }}{% endmacro %}`, 3],
  ['an unknown function', 'fields/field.html', `${MACRO}{{ nofunction() }}{% endmacro %}`, 3],
  ['a template that is not there', 'login/fields.html', '\n{% include "nowhere.html" %}', 2],
] as const) {
  test(`${what} is reported with the template’s name and line`, async () => {
    const own = mkdtempSync(join(tmpdir(), 'gatehouse-templates-'))
    mkdirSync(dirname(join(own, name)))
    writeFileSync(join(own, name), text)
    const site = await Site.start({ templates: [own], development: true })
    const page = await site.visitor().open('/login/')
    assert.is(page.status, 500)
    assert.match(page.text, `(${name}) [Line ${line}`)
    if (name === 'login/page.html') assert.match(page.$('pre').text(), name, 'on a page in the site’s layout')
    assert.is((await site.visitor().open('/')).status, 200, 'other pages still work')
    const htmx = site.visitor({ htmx: true })
    assert.is((await htmx.post('/login/verify/', '')).status, name === 'login/page.html' ? 403 : 500)
    await site.close()
    rmSync(own, { recursive: true })
  })
}

test('a template that does not compile is an error at start with its name and line', async () => {
  write('home/page.html', 'fine\n{% if %}')
  try {
    await Site.start({ templates: [folder], development: false })
    assert.unreachable()
  } catch (error) {
    assert.match(String(error), /home\/page\.html[\s\S]*Line 2/)
  }
})

test('TEMPLATES names a folder of templates, and a missing folder is an error at start', async () => {
  write('login/page.html', '{% extends "layouts/page.html" %}{% set title = "Come in" %}')
  rmSync(join(folder, 'home'), { recursive: true })
  const site = await Site.start({ environment: { TEMPLATES: folder } })
  assert.is((await site.visitor().open('/login/')).$('h1').text(), 'Come in')
  await site.close()
  const [sentence, ...others] = await refusal(launchSite(folder, { TEMPLATES: 'nowhere' }))
  assert.match(sentence ?? '', /^TEMPLATES must be .*Folder not found: .*nowhere\.$/)
  assert.equal(others, [])
})

test('a file name that seems mistyped is logged in development only', async () => {
  write('login/pgae.html', '')
  write('shop/page.html', '')
  const notes = async (development: boolean) => {
    const site = await Site.start({ templates: [folder], development })
    await site.close()
    return site.logs.filter((line) => line.includes(folder))
  }
  const [mistyped = '', own = '', ...others] = await notes(true)
  assert.match(mistyped, /"level":40.*login\/pgae\.html.*"nearest":"login\/page\.html"/)
  assert.match(own, /"level":30.*shop\/page\.html/)
  assert.equal(others, [])
  assert.equal(await notes(false), [])
})

test('a missing folder in option templates is an error at start', async () => {
  const nowhere = join(folder, 'nowhere')
  try {
    await Site.start({ templates: [nowhere] })
    assert.unreachable()
  } catch (error) {
    assert.match(String(error), `Option templates must be folders. Folder not found: ${nowhere}.`)
  }
})

test.run()
