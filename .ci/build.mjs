// Brings `dist` up to date.
import { buildDist } from './builds.mjs'

await buildDist()
