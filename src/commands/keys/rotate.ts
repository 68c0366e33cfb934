import { parseArgs } from 'node:util'
import { newKey } from '../../secrets/keyring.js'
import { type Command, UsageError, understood } from '../command.js'
import { changeRing, inRing, type Ring } from './ring.js'

const options = {
  prepare: { type: 'boolean', default: false },
  prepared: { type: 'boolean', default: false },
} as const

export const part: Command = {
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
    const { values } = understood(() => parseArgs({ args: [...args], options }))
    if (values.prepare && values.prepared) throw new UsageError('Say --prepare or --prepared, not both.')
    if (values.prepare) return inRing(prepare)
    return inRing(values.prepared ? promote : rotate)
  },
}

const RESTART = 'The former keys go on opening what they have sealed.'

async function rotate({ config }: Ring): Promise<string> {
  return changeRing(config, (keys) => [newKey(), ...keys], {
    done: `A new key is in front: restart the site, which seals with it from then on. ${RESTART}`,
    toDo: `Set it and restart the site. ${RESTART} Where several nodes are restarted one after another, those with the former value cannot open what is sealed with the new key: begin with --prepare there.`,
  })
}

async function prepare({ config }: Ring): Promise<string> {
  const next = 'Once every process runs with it: gatehouse keys rotate --prepared'
  return changeRing(config, (keys) => [...keys, newKey()], {
    done: `A new key is at the end, where it only opens: restart the site. ${next}`,
    toDo: `Set it on every node and restart them, one after another: the key at the end only opens. ${next}, with this value in the environment.`,
  })
}

async function promote({ config, keys }: Ring): Promise<string> {
  const last = keys.at(-1)
  if (last === undefined || last.seals || last.noted?.sealedAt != null) {
    throw new Error('There is no key that was prepared: begin with gatehouse keys rotate --prepare.')
  }
  if (last.noted === undefined) {
    throw new Error(`No node runs with the key ${last.id} yet: restart them first.`)
  }
  return changeRing(config, (ring) => [...ring.slice(-1), ...ring.slice(0, -1)], {
    done: `The key ${last.id} is in front: restart the site, which seals with it from then on. ${RESTART}`,
    toDo: `Set it on every node and restart them, one after another: the key ${last.id} seals now. ${RESTART}`,
  })
}
