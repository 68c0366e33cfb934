import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

export const PHONE = { width: 320, height: 640 }
const DESKTOP = { width: 1280, height: 800 }

/** Screens and color schemes. */
export const LOOKS = [
  { viewport: PHONE, colorScheme: 'light' },
  { viewport: DESKTOP, colorScheme: 'dark' },
  { viewport: PHONE, colorScheme: 'dark' },
  { viewport: DESKTOP, colorScheme: 'light' },
] as const

/** Returns what axe-core finds, one line for each element. */
export async function violations(page: Page, rules?: readonly string[]): Promise<string[]> {
  // Added from outside the page, so that the site's security policy applies unchanged.
  if (!(await page.evaluate('"axe" in window'))) await page.evaluate(AXE)
  const runOnly = rules === undefined ? { type: 'tag', values: TAGS } : { type: 'rule', values: rules }
  const options = JSON.stringify({ runOnly, resultTypes: ['violations'], preload: false, iframes: false })
  const found: AxeResults['violations'] = await page.evaluate(
    `axe.run(document, ${options}).then(({ violations }) => violations)`,
  )
  return found.flatMap(({ id, nodes }) =>
    nodes.map(
      ({ target, failureSummary }) => `${page.url()}: ${id} at ${target.join(' ')}: ${failureSummary}`,
    ),
  )
}

/** Checks all rules in light mode, and the contrast in dark mode. */
export async function violationsInBothLights(page: Page): Promise<string[]> {
  await page.emulateMedia({ colorScheme: 'light' })
  const found = await violations(page)
  await page.emulateMedia({ colorScheme: 'dark' })
  return [...found, ...(await violations(page, ['color-contrast']))]
}
