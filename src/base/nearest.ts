// The package's entry point would load the rest of it at every start.
import { diffChars } from 'diff/lib/diff/character.js'

export interface Near {
  known: string
  distance: number
}

export function byDistance(
  name: string,
  names: readonly string[],
  maxDistance: number = Number.POSITIVE_INFINITY,
): Near[] {
  return names
    .map((known) => ({ known, distance: distanceOf(name.toLowerCase(), known.toLowerCase(), maxDistance) }))
    .filter(({ distance }) => distance <= maxDistance)
    .sort((one, other) => one.distance - other.distance)
}

function distanceOf(one: string, other: string, maxDistance: number): number {
  const isFar = Math.abs(one.length - other.length) > maxDistance
  const changes = isFar ? undefined : diffChars(one, other, { maxEditLength: maxDistance })
  if (changes === undefined) return Number.POSITIVE_INFINITY
  return changes
    .filter(({ added, removed }) => added || removed)
    .reduce((sum, { value }) => sum + value.length, 0)
}
