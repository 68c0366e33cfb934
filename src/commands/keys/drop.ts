import { parseArgs } from 'node:util'
import { createKeyring } from '../../secrets/keyring.js'
import { type Command, UsageError, understood } from '../command.js'
import { printable } from '../terminal.js'
import { needsOf, type RingKey } from './needs.js'
import { changeRing, inRing, type Ring } from './ring.js'

export const part: Command = {
  name: 'drop',
  summary: 'drops an old key, unless something needs it',
  usage: `gatehouse keys drop <id> [--force]
    Drops a key that gatehouse keys list tells, from the key file, or writes the new value of SESSION_KEYS to standard output.
    Refuses while something needs it. --force is for a key that others may know: sessions that it has sealed end, mails that
    it has sealed are lost, and devices are not known any more.`,
  async run(args) {
    const { values, positionals } = understood(() =>
      parseArgs({
        args: [...args],
        options: { force: { type: 'boolean', default: false } },
        allowPositionals: true,
      }),
    )
    const [id, ...others] = positionals
    if (id === undefined || others.length > 0)
      throw new UsageError('Say which key: gatehouse keys drop <id>.')
    return inRing(async (ring) => {
      const key = droppable(ring, id)
      if (!values.force) refuseNeeded(key, ring)
      return drop(key, ring)
    })
  },
}

function droppable({ keys }: Ring, id: string): RingKey {
  const key = keys.find((one) => one.id === id)
  if (key === undefined) throw new Error(`There is no key ${printable(id)}: gatehouse keys list tells them.`)
  if (key.seals)
    throw new Error(`The key ${id} seals: put another one in front first, gatehouse keys rotate.`)
  return key
}

function refuseNeeded(key: RingKey, { now }: Ring): void {
  if (key.isInUse) {
    throw new Error(`Some process seals with the key ${key.id} still: restart all of them with the new ring.`)
  }
  const needs = needsOf(key, now)
  if (needs.length > 0) throw new Error(`The key ${key.id} is still needed by ${needs.join(', ')}.`)
}

function drop({ id }: RingKey, { config }: Ring): string {
  return changeRing(config, (ring) => ring.filter((_, place) => createKeyring(ring).ids[place] !== id), {
    done: `The key ${id} is dropped: restart the site.`,
    toDo: `Set it and restart the site; the key ${id} opens nothing from then on.`,
  })
}
