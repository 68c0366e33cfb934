/* The runnable site as `npm start` starts it, but with cheap hashes: most of what is killed is then writing, not hashing. */
import { readConfig, serve } from '../../src/index.js'
import { createSite } from '../../src/site.js'
import { CHEAP } from '../helpers.js'

const config = readConfig(process.env)
const { app, ...ends } = await createSite(config, { passwordCosts: CHEAP })
process.stdout.write(`Gatehouse listens on ${await serve(app, { ...config, ...ends })}\n`)
