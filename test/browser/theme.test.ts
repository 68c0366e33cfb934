import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../../src/base/package.js'
import { Site } from '../support/helpers.js'
import { launch, leave } from './chromium.js'

const test = suite('the theme')
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-templates-'))

let browser: Browser

test.before(async () => {
  browser = await launch()
})
test.after(async () => {
  await leave(browser)
  rmSync(folder, { recursive: true, force: true })
})

const DARK = 'rgb(16, 21, 27)'
const LIGHT = 'rgb(246, 247, 249)'

function color(page: Page): Promise<unknown> {
  return page.evaluate('getComputedStyle(document.documentElement).backgroundColor')
}

test('follows the visitor’s system, or the site’s setting', async () => {
  for (const [theme, expected] of [
    ['auto', { light: LIGHT, dark: DARK }],
    ['light', { light: LIGHT, dark: LIGHT }],
    ['dark', { light: DARK, dark: DARK }],
  ] as const) {
    const site = await Site.start({ environment: { THEME: theme } })
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await browser.newPage({ baseURL: site.address, colorScheme })
      await page.goto('/login/')
      assert.is(await color(page), expected[colorScheme], `${theme} on ${colorScheme}`)
      const input = 'getComputedStyle(document.querySelector("input[type=password]")).colorScheme'
      assert.is(await page.evaluate(input), theme === 'auto' ? 'light dark' : theme)
      await page.close()
    }
    await site.close()
  }
})

test('a style sheet of the site comes last', async () => {
  mkdirSync(join(folder, 'parts'))
  writeFileSync(
    join(folder, 'parts', 'head.html'),
    '<link rel="stylesheet" href="{{ asset("site.css") }}#own"><meta name="own" content="yes">',
  )
  const site = await Site.start({ templates: [folder] })
  const page = await site.visitor().open('/login/')
  assert.is(page.$('head meta[name=own]').attr('content'), 'yes')
  assert.is(page.$('head').children().last().attr('name'), 'own', 'after Gatehouse’s own')
  await site.close()
})

test('docs/theming.md lists every property, and both dark blocks agree', () => {
  const css = readFileSync(join(root, 'public', 'site.css'), 'utf8')
  const page = readFileSync(join(root, 'docs', 'theming.md'), 'utf8')
  const block = (selector: string) => {
    const from = css.indexOf(`${selector} {`)
    const properties = css.slice(from, css.indexOf('}', from)).matchAll(/(--[\w-]+): ([^;]+);/g)
    return Object.fromEntries([...properties].map(([, name = '', value = '']) => [name, value]))
  }
  const light = block(':root')
  const dark = block(':root:not([data-theme="light"])')
  assert.equal(block(':root[data-theme="dark"]'), dark)
  for (const [name, value] of [...Object.entries(light), ...Object.entries(dark)]) {
    assert.match(page, `\`${name}\``)
    assert.match(page, `\`${value}\``)
  }
})

test.run()
