/* A visitor who uses only the keyboard. */
import type { Page } from 'playwright-core'
import * as assert from 'uvu/assert'

interface Stop {
  isReached: boolean
  html: string
  isSeen: boolean
  /** How far down the page it is; null for elements that stay in view, like the message box. */
  top: number | null
}

/** Finds the focus, and whether it has an outline and is not covered (WCAG 2.4.7, 2.4.11). */
const STOP = `(selector) => {
  const element = document.activeElement
  const { left, top, width, height } = element.getClientRects()[0] ?? new DOMRect()
  const [x, y] = [left + width / 2, top + height / 2]
  const hit = document.elementFromPoint(Math.max(0, x), Math.min(innerHeight - 1, Math.max(0, y)))
  return {
    isReached: element.matches(selector),
    html: element.outerHTML.slice(0, 200),
    isSeen: element === document.body || (getComputedStyle(element).outlineStyle !== 'none' && element.contains(hit)),
    top: element.matches('main :not(#messages *)') ? top + scrollY : null,
  }
}`

/** Presses Tab until the focus is on a match. Checks that it always shows and moves down the page. */
export async function tabTo(page: Page, selector: string): Promise<void> {
  let last = -Infinity
  for (let presses = 0; presses < 40; presses++) {
    await page.keyboard.press('Tab')
    const { isReached, html, isSeen, top }: Stop = await page.evaluate(
      `(${STOP})(${JSON.stringify(selector)})`,
    )
    assert.ok(isSeen, `the focus shows on ${html}`)
    if (top !== null) assert.ok(top > last - ROW, `the focus moves down to ${html}`)
    last = top ?? -Infinity
    if (isReached) return
  }
  throw new Error(`The keyboard does not reach ${selector}.`)
}

/** Elements side by side may begin at different heights. */
const ROW = 40

export async function type(page: Page, values: Record<string, string>): Promise<void> {
  for (const [name, value] of Object.entries(values)) {
    await tabTo(page, `#${name}`)
    await page.keyboard.press('ControlOrMeta+A')
    await page.keyboard.type(value)
  }
}

export async function press(page: Page, selector: string): Promise<void> {
  await tabTo(page, selector)
  await page.keyboard.press('Enter')
}

export async function follow(page: Page, selector: string, path: string): Promise<void> {
  await press(page, selector)
  await page.waitForURL((url) => url.pathname === path)
}
