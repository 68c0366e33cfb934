import type { Page } from 'playwright-core'
import * as assert from 'uvu/assert'
import { PASSWORD } from '../support/helpers.js'
import { browserSuite, fillIn, pressForPage } from './visit.js'

const { test, site, open } = browserSuite('names')

/** WCAG 2.2, 1.4.12. */
const SPACING =
  '* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important } p { margin-block-end: 2em !important }'

const NAMES = {
  'wide letters': 'W'.repeat(25),
  'letters from right to left': 'محمد عبد الرحمن الأحمدي',
  'letters with marks': 'Z\u0301\u0323a\u0302\u0323l\u0323g\u0301o\u0302\u0323',
}

for (const [kind, name] of Object.entries(NAMES)) {
  test(`${kind}: a name is whole, isolated and untranslated on a small phone`, async () => {
    await site()
      .visitor()
      .signUp(name, { email: `${kind.length}${'m'.repeat(50)}@example.com` })
    const page = await open('/login/', {
      viewport: { width: 320, height: 640 },
      javaScriptEnabled: false,
      bypassCSP: true,
    })
    await fillIn(page, { username: name, password: PASSWORD })
    await pressForPage(page)
    const own = await page.locator('main a[href^="/users/"]').getAttribute('href')
    for (const path of ['/', '/account/', '/account/close/', '/account/export/', '/logout/', own ?? '']) {
      await page.goto(path)
      await page.evaluate(
        `document.head.append(Object.assign(document.createElement('style'), { textContent: '${SPACING}' }))`,
      )
      assert.ok((await page.locator('bdi').count()) > 0, path)
      assert.equal(await problemsOf(page, name), [], path)
    }
  })
}

/** Returns where a name is not isolated, cut off, hidden or translatable, and whether the page is too wide. */
function problemsOf(page: Page, name: string): Promise<string[]> {
  return page.evaluate(`(() => {
    const found = []
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    for (let text = texts.nextNode(); text; text = texts.nextNode()) {
      if (text.data.normalize().includes(${JSON.stringify(name.normalize())}) && !text.parentElement.closest('bdi, [translate=no]')) found.push('bare: ' + text.data)
    }
    for (const bdi of document.querySelectorAll('bdi')) {
      if (bdi.translate) found.push('translated: ' + bdi.textContent)
      for (const { left, right } of bdi.getClientRects())
        if (left < 0 || right > innerWidth) found.push('out of the screen: ' + bdi.textContent)
      for (let box = bdi; box; box = box.parentElement) {
        if (getComputedStyle(box).textOverflow === 'ellipsis') found.push('cut off: ' + bdi.textContent)
        if (getComputedStyle(box).overflowX !== 'visible' && box.scrollWidth > box.clientWidth + 1) found.push('hidden: ' + bdi.textContent)
      }
    }
    if (document.documentElement.scrollWidth > innerWidth) found.push('wider than the screen')
    return found
  })()`)
}

test.run()
