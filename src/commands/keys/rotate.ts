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
  summary:
    'puts a new key in front, which seals from the next start on; the others open what they have sealed',
  usage: `gatehouse keys rotate
    Puts a new key in front of the key file: it seals from the next start of the site on, and the others open what they have
    sealed. Where SESSION_KEYS is set, its new value is written to standard output, and nothing else.
gatehouse keys rotate --prepare
    For several nodes, step one: puts the new key at the end, where it only opens.
gatehouse keys rotate --prepared
    Step two, once all nodes run with that: moves the last key to the front.`,
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
