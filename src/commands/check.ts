import { parseArgs } from 'node:util'
import { ConfigError } from '../server/config.js'
import { checkSite } from '../server/doctor.js'
import type { Finding } from '../server/finding.js'
import { type Alarm, type Command, parsed } from './command.js'
import { readSettings } from './settings.js'
import { json, printable } from './terminal.js'

export const command: Command = {
  name: 'check',
  summary: 'Check settings, keys, mail, database, clock and templates',
  help: `Usage: gatehouse check [--json]

Check settings, keys, cookies, proxies, mail, database, clock, disk and
templates, or the options in gatehouse.config.js. Changes nothing and sends no
email. Exits with 1 if anything is wrong.

  ✔ fine    ⚠ worth a look    ✘ wrong`,
  async run(args) {
    const { values } = parsed(() =>
      parseArgs({ args: [...args], options: { json: { type: 'boolean', default: false } } }),
    )
    const findings = await findingsOf()
    const output = values.json ? json(findings) : findings.map(lineOf).join('\n')
    return findings.some(({ level }) => level === 'wrong')
      ? ({ output, exitCode: 1 } satisfies Alarm)
      : output
  },
}

async function findingsOf(): Promise<Finding[]> {
  try {
    return await checkSite(await readSettings(), Date.now)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.message.split('\n').map((says) => ({ about: 'settings', level: 'wrong', says }))
  }
}

const SIGNS: Record<Finding['level'], string> = { fine: '✔', warning: '⚠', wrong: '✘' }

function lineOf({ about, level, says }: Finding): string {
  return `${SIGNS[level]} ${about}: ${printable(says)}`
}
