import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { suite, type Test } from 'uvu'
import { Site } from '../support/helpers.js'
import { launch, leave } from './chromium.js'

/** A suite with its own site and browser. */
export interface BrowserSuite {
  test: Test
  site(): Site
  /** Opens a new browser window, without cookies, at `path`. */
  open(path: string, options?: BrowserContextOptions): Promise<Page>
}

export function browserSuite(name: string, options: Parameters<typeof Site.start>[0] = {}): BrowserSuite {
  const test = suite(name)
  let running: { site: Site; browser: Browser } | undefined
  const current = () => {
    if (running === undefined) throw new Error('The suite has not begun.')
    return running
  }
  test.before(async () => {
    running = { site: await Site.start(options), browser: await launch() }
  })
  test.after(async () => {
    await leave(current().browser)
    await current().site.close()
  })
  return {
    test,
    site: () => current().site,
    async open(path, options = {}) {
      const context = await current().browser.newContext({ baseURL: current().site.address, ...options })
      const page = await context.newPage()
      await page.goto(path)
      return page
    },
  }
}

export async function fillIn(page: Page, values: Record<string, string>): Promise<void> {
  for (const [name, value] of Object.entries(values)) await page.fill(`#${name}`, value)
}

/** Returns the texts in the message box, one for each error. */
export function messages(page: Page): Promise<string[]> {
  return page.locator('#messages :is(.error li, .success > p:first-child, .no-response p)').allInnerTexts()
}

/** Presses the form's button and waits until the message box has new content, by htmx or on a new page. */
export async function pressForResponse(page: Page): Promise<void> {
  await page.evaluate('document.querySelector("#messages > *")?.setAttribute("data-former", "")')
  await page.click('main form button')
  await page.waitForSelector('#messages > :not([data-former])')
  await page.waitForLoadState('domcontentloaded')
}

/** Presses the form's button, or a link, and waits until the next page has loaded. */
export async function pressForPage(page: Page, selector = 'main form button'): Promise<void> {
  await Promise.all([page.waitForEvent('load'), page.click(selector)])
}
