import { isDeepStrictEqual } from 'node:util'
import * as sessions from '../tables/sessions.js'
import { type DevicePlace, type DeviceWords, devicePlaceOf, deviceWords } from '../web/user-agent.js'
import { fold } from './fields.js'
import type { Registry } from './registry.js'

export interface Device extends sessions.Device {
  words: DeviceWords
  last: DevicePlace | undefined
  jump: DevicePlace | undefined
  title: string
  number: number
  isThis: boolean
}

export async function listDevices(
  { database, now }: Pick<Registry, 'database' | 'now'>,
  { userId, sessionId }: { userId: string; sessionId: string },
): Promise<Device[]> {
  const found = (await sessions.ofUser(database.main, userId, now())).map(withTitle)
  const number = numbersOf(found)
  const devices = found.map((device) => ({
    ...device,
    number: number(device),
    isThis: device.id === sessionId,
  }))
  return [...devices.filter(({ isThis }) => isThis), ...devices.filter(({ isThis }) => !isThis)]
}

type Titled = Omit<Device, 'number' | 'isThis'>

function withTitle(device: sessions.Device): Titled {
  const words = deviceWords(device.userAgent)
  const { browser, system } = words
  return {
    ...device,
    words,
    last: lastPlace(device, words),
    jump: devicePlaceOf(device.jumpUserAgent, device.jumpAddress),
    title: device.name ?? [browser, system].filter(Boolean).join(' on '),
  }
}

function lastPlace(device: sessions.Device, words: DeviceWords): DevicePlace | undefined {
  const last = devicePlaceOf(device.lastUserAgent, device.lastAddress)
  const isKnown = last?.address === device.address && isDeepStrictEqual(last.words, words)
  return isKnown ? undefined : last
}

export function nameInActivity({ name, words }: Device): string {
  return name ?? [words.browser, words.system].filter(Boolean).join(', ')
}

function numbersOf(devices: readonly Titled[]): (device: Titled) => number {
  const namesakes = new Map<string, string[]>()
  const oldestFirst = [...devices].sort((one, other) => one.createdAt - other.createdAt)
  for (const { title, id } of oldestFirst) {
    const key = fold(title)
    namesakes.set(key, [...(namesakes.get(key) ?? []), id])
  }
  return ({ title, id }) => (namesakes.get(fold(title))?.indexOf(id) ?? 0) + 1
}
