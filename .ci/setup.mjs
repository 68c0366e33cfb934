// Installs what package-lock.json names. Where better-sqlite3 has to be compiled, the headers that came with this very
// Node are used if they are there, so that nothing has to be fetched from elsewhere than the npm registry.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

const prefix = dirname(dirname(process.execPath))
const hasHeaders = existsSync(join(prefix, 'include', 'node', 'node.h'))
const env = hasHeaders ? { npm_config_nodedir: prefix, ...process.env } : process.env

if (!existsSync('node_modules')) console.log('Installing from the npm registry; the first time this takes a minute or two.')

const { status } = spawnSync('npm install --no-audit --no-fund --loglevel=error', { shell: true, stdio: 'inherit', env })
process.exit(status ?? 1)
