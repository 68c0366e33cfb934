import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../src/base/package.js'

/*
 * The contrast of the theme's colors by WCAG 2.2: 4.5:1 for text (1.4.3), 3:1 for edges and focus (1.4.11).
 */
const test = suite('contrast')

const css = readFileSync(join(root, 'public', 'site.css'), 'utf8')
const light = colorsIn(':root')
const themes = { light, dark: { ...light, ...colorsIn(':root[data-theme="dark"]') } }

type Colors = Record<string, string>

function colorsIn(selector: string): Colors {
  const from = css.indexOf(`${selector} {`)
  const block = css.slice(from, css.indexOf('}', from))
  return Object.fromEntries(
    [...block.matchAll(/--([\w-]+): (#[\da-f]{3,6});/g)].map(([, name = '', color = '']) => [name, color]),
  )
}

const TEXT = [
  ...pairs(['text', 'muted', 'accent', 'error', 'success'], ['page', 'surface']),
  ['on-accent', 'accent'],
  ['surface', 'error'],
] as const
const PARTS = pairs(['edge', 'accent', 'error', 'success', 'muted'], ['page', 'surface'])

function pairs(fronts: readonly string[], backs: readonly string[]): [string, string][] {
  return fronts.flatMap((front) => backs.map((back): [string, string] => [front, back]))
}

for (const [theme, colors] of Object.entries(themes)) {
  test(`text has at least 4.5:1 in ${theme} mode, also in the message box`, () => {
    for (const [front, back] of TEXT) assertRatio(colors, front, back, 4.5)
    for (const name of ['error', 'success']) {
      const own = channels(colorOf(colors, name))
      const surface = channels(colorOf(colors, 'surface'))
      const tint = own.map((value, index) => value * 0.08 + (surface[index] ?? 0) * 0.92)
      assert.ok(ratio(own, tint) >= 4.5, `${name} on its tint: ${ratio(own, tint)}`)
    }
  })

  test(`borders, focus and meter have at least 3:1 in ${theme} mode`, () => {
    for (const [front, back] of PARTS) assertRatio(colors, front, back, 3)
  })
}

test('initials have at least 4.5:1 on every hue, and their circle 3:1', () => {
  const part = readFileSync(join(root, 'templates', 'parts', 'initials.html'), 'utf8')
  const [, lightness = '', chroma = ''] = /oklch\((\d+)% ([\d.]+) /.exec(part) ?? []
  assert.match(part, 'fill="#fff"')
  for (let hue = 0; hue < 360; hue++) {
    const circle = fromOklch(Number(lightness) / 100, Number(chroma), hue)
    assert.ok(ratio(circle, [255, 255, 255]) >= 4.5, `white on hue ${hue}: ${ratio(circle, [255, 255, 255])}`)
    for (const colors of Object.values(themes)) {
      const surface = channels(colorOf(colors, 'surface'))
      assert.ok(ratio(circle, surface) >= 3, `hue ${hue} on the surface: ${ratio(circle, surface)}`)
    }
  }
})

/** Returns channels from 0 to 255 (CSS Color 4, "converting Oklab to sRGB"). Throws outside of sRGB. */
function fromOklch(lightness: number, chroma: number, hue: number): number[] {
  const angle = (hue * Math.PI) / 180
  const [a, b] = [chroma * Math.cos(angle), chroma * Math.sin(angle)]
  const long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
  const medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
  const short = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3
  return [
    4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
    -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
    -0.0041960863 * long - 0.7034186147 * medium + 1.707614701 * short,
  ].map((part) => {
    assert.ok(part >= 0 && part <= 1, `hue ${hue} is in sRGB`)
    return 255 * (part <= 0.0031308 ? part * 12.92 : 1.055 * part ** (1 / 2.4) - 0.055)
  })
}

function assertRatio(colors: Colors, front: string, back: string, least: number): void {
  const actual = ratio(channels(colorOf(colors, front)), channels(colorOf(colors, back)))
  assert.ok(actual >= least, `${front} on ${back}: ${actual.toFixed(2)}`)
}

function colorOf(colors: Colors, name: string): string {
  const color = colors[name]
  if (color === undefined) throw new Error(`There is no color --${name}.`)
  return color
}

function channels(color: string): number[] {
  const digits = color.length === 4 ? color.replaceAll(/[\da-f]/g, '$&$&') : color
  return [1, 3, 5].map((from) => Number.parseInt(digits.slice(from, from + 2), 16))
}

/** WCAG 2.2, "contrast ratio". */
function ratio(one: readonly number[], other: readonly number[]): number {
  const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (lighter + 0.05) / (darker + 0.05)
}

/** WCAG 2.2, "relative luminance". */
function luminance(rgb: readonly number[]): number {
  const [red = 0, green = 0, blue = 0] = rgb.map((value) => {
    const part = value / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

test.run()
