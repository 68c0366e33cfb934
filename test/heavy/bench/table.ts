import type { Measure } from './measures.js'
import type { Cost } from './processes.js'

const WIDTHS = [42, 8, 8, 9, 9, 8, 8, 8, 8] as const

export function heading(): string {
  return line(['', 'ratio', 'least', 'site/s', 'floor/s', 'cpu µs', 'floor', 'p50 ms', 'p99 ms'])
}

export function row({ name, against, ratio, least, target, floor }: Measure): string {
  return line([
    `${name}, of ${against}`,
    ratio.toFixed(2),
    least.toFixed(2),
    target.perSecond.toFixed(0),
    floor.perSecond.toFixed(0),
    shown(target.cpu, 0),
    shown(floor.cpu, 0),
    shown(target.p50, 1),
    shown(target.p99, 1),
  ])
}

export function costRow({ name, unit, against, site, floor, ratio, most }: Cost): string {
  return line([
    `${name}, ${unit}, of ${against}`,
    ratio.toFixed(2),
    `<${most.toFixed(2)}`,
    site.toFixed(digitsOf(site)),
    floor.toFixed(digitsOf(site)),
  ])
}

function digitsOf(value: number): number {
  return value < 100 && !Number.isInteger(value) ? 1 : 0
}

function shown(value: number | undefined, digits: number): string {
  return value === undefined || Number.isNaN(value) ? '' : value.toFixed(digits)
}

function line(cells: readonly string[]): string {
  return cells
    .map((cell, index) => (index === 0 ? cell.padEnd(WIDTHS[0]) : cell.padStart(WIDTHS[index] ?? 0)))
    .join(' ')
}
