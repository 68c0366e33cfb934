/*
 * The runnable site as `npm start` starts it, but with cheap hashes, so that it is mostly killed while writing, not
 * hashing. Each serving process reports its id.
 */
import { inProcesses, readConfig, serve } from '../../../src/index.js'
import { createSite } from '../../../src/standalone.js'
import { CHEAP } from '../../support/helpers.js'

const config = readConfig(process.env)
const address = await inProcesses(config, async () => {
  const { app, ...ends } = await createSite(config, { passwordCosts: CHEAP })
  const address = await serve(app, { ...config, ...ends })
  process.stdout.write(`Process ${process.pid} serves\n`)
  return address
})
if (address !== undefined) process.stdout.write(`Gatehouse is running at ${address}\n`)
