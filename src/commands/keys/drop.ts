import { parseArgs } from 'node:util'
import { createKeyring } from '../../secrets/keyring.js'
import { type Command, parsed, UsageError } from '../command.js'
import { printable } from '../terminal.js'
import { type KeyStatus, needsOf } from './needs.js'
import { changeKeys, type SiteKeys, withKeys } from './site-keys.js'

export const subcommand: Command = {
  name: 'drop',
  summary: 'Remove an old key that nothing needs',
  help: `Usage: gatehouse keys drop <id> [--force]

Remove an old key from the key file, once nothing needs it. If SESSION_KEYS is
set, print its new value instead. gatehouse keys list shows the ids.

Options:
  --force  Remove it even if it is needed, for example because it leaked.
           Sessions that it encrypted end, waiting emails are lost, and known
           devices are forgotten`,
  async run(args) {
    const { values, positionals } = parsed(() =>
      parseArgs({
        args: [...args],
        options: { force: { type: 'boolean', default: false } },
        allowPositionals: true,
      }),
    )
    const [id, ...others] = positionals
    if (id === undefined || others.length > 0)
      throw new UsageError('Missing key id. Usage: gatehouse keys drop <id>')
    return withKeys(async (site) => {
      const key = droppable(site, id)
      if (!values.force) refuseNeeded(key, site)
      return drop(key, site)
    })
  },
}

function droppable({ keys }: SiteKeys, id: string): KeyStatus {
  const key = keys.find((one) => one.id === id)
  if (key === undefined)
    throw new Error(`No key has the id ${printable(id)}. Run gatehouse keys list for a list.`)
  if (key.isCurrent) throw new Error(`The key ${id} is the current one. Run gatehouse keys rotate first.`)
  return key
}

function refuseNeeded(key: KeyStatus, { now }: SiteKeys): void {
  if (key.isInUse) {
    throw new Error(`A process still encrypts with the key ${key.id}. Restart all processes first.`)
  }
  const needs = needsOf(key, now)
  if (needs.length > 0) throw new Error(`The key ${key.id} is still needed by ${needs.join(', ')}.`)
}

function drop({ id }: KeyStatus, { config }: SiteKeys): string {
  return changeKeys(config, (keys) => keys.filter((_, place) => createKeyring(keys).ids[place] !== id), {
    done: `Dropped the key ${id}. Restart the site.`,
    toDo: `Set it and restart the site. The key ${id} then decrypts nothing.`,
  })
}
