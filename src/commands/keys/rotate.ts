import { parseArgs } from 'node:util'
import { newKey } from '../../secrets/keyring.js'
import { type Command, parsed, UsageError } from '../command.js'
import { changeKeys, type SiteKeys, withKeys } from './site-keys.js'

const options = {
  prepare: { type: 'boolean', default: false },
  prepared: { type: 'boolean', default: false },
} as const

export const subcommand: Command = {
  name: 'rotate',
  summary: 'Make a new key the current one',
  help: `Usage: gatehouse keys rotate [--prepare | --prepared]

Create a new key and make it the current one from the next start on. Old keys
keep decrypting, so nobody is logged out.

Changes the key file. If SESSION_KEYS is set, prints its new value instead.

With several nodes, rotate in two steps, and restart all nodes after each:
  --prepare   Add a new key that only decrypts
  --prepared  Make the added key the current one`,
  async run(args) {
    const { values } = parsed(() => parseArgs({ args: [...args], options }))
    if (values.prepare && values.prepared) throw new UsageError('Use --prepare or --prepared, not both.')
    if (values.prepare) return withKeys(prepare)
    return withKeys(values.prepared ? promote : rotate)
  },
}

const OLD_KEYS = 'Old keys keep decrypting.'

async function rotate({ config }: SiteKeys): Promise<string> {
  return changeKeys(config, (keys) => [newKey(), ...keys], {
    done: `Added a new current key. Restart the site to use it. ${OLD_KEYS}`,
    toDo: `Set it and restart the site. ${OLD_KEYS} If you restart several nodes one after another, use --prepare instead: nodes with the old value cannot decrypt what the new key encrypts.`,
  })
}

async function prepare({ config }: SiteKeys): Promise<string> {
  return changeKeys(config, (keys) => [...keys, newKey()], {
    done: 'Added a new key that only decrypts. Restart the site. Once every process has it, run gatehouse keys rotate --prepared.',
    toDo: 'Set it on every node and restart them one after another. Then run gatehouse keys rotate --prepared with this value in the environment.',
  })
}

async function promote({ config, keys }: SiteKeys): Promise<string> {
  const last = keys.at(-1)
  if (last === undefined || last.isCurrent || last.noted?.sealedAt != null) {
    throw new Error('There is no prepared key. Run gatehouse keys rotate --prepare first.')
  }
  if (last.noted === undefined) {
    throw new Error(`No node has the key ${last.id} yet. Restart them first.`)
  }
  return changeKeys(config, (all) => [...all.slice(-1), ...all.slice(0, -1)], {
    done: `The key ${last.id} is now the current one. Restart the site to use it. ${OLD_KEYS}`,
    toDo: `Set it on every node and restart them one after another. The key ${last.id} is now the current one. ${OLD_KEYS}`,
  })
}
