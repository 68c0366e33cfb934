import type {
  Feature,
  FeatureLimit,
  FeatureLink,
  FeatureMail,
  LinkPlace,
  Need,
  SettingsGroup,
  Switches,
} from '../visitor/feature.js'
import type { Message } from '../web/form.js'
import * as siteMap from './site-map.js'

export function offered(
  features: readonly Feature[],
  has: Readonly<Record<Need, boolean>>,
  switches: Switches = {},
): Feature[] {
  const isOn = ({ name, partOf = name }: Feature) => switches[partOf] !== false
  return features.filter((feature) => isOn(feature) && (feature.needs === undefined || has[feature.needs]))
}

export type LinkTo = FeatureLink & { name: string }

export function linksOf(
  features: readonly Feature[],
): (place: LinkPlace, group?: SettingsGroup) => readonly LinkTo[] {
  const all = features
    .flatMap(({ name, links = [] }) => links.map((link) => ({ ...link, name })))
    .sort((one, other) => one.order - other.order)
  return (place, group) =>
    all.filter((link) => link.on === place && (group === undefined || groupOf(link) === group))
}

function groupOf(link: FeatureLink): SettingsGroup | undefined {
  return link.on === 'account' ? link.group : undefined
}

// Guards, emails and messages lead to these.
const ALWAYS_ON: readonly string[] = ['login', 'logout', 'password/confirm', 'account']

export function checkSwitches(features: readonly Feature[], switches: Switches): void {
  const names = features.map(({ name }) => name)
  const isOff = (name: string) => switches[name] === false
  for (const name of Object.keys(switches)) {
    if (!names.includes(name)) {
      throw new Error(`Unknown feature ${name}. Features: ${names.join(', ')}.`)
    }
    if (isOff(name) && ALWAYS_ON.includes(name)) throw new Error(`Feature ${name} cannot be off.`)
  }
  for (const { name, partOf, requires = [] } of features) {
    if (isOff(name) && partOf !== undefined)
      throw new Error(`Feature ${name} is part of ${partOf}. Turn that off.`)
    const missing = isOff(name) ? undefined : requires.find(isOff)
    if (missing !== undefined) {
      throw new Error(`Feature ${name} needs ${missing}. Turn off both or neither.`)
    }
  }
}

export const features: readonly Feature[] = Object.values(siteMap)

const limits = merged<FeatureLimit>(features.map((feature) => feature.limits))

export const added = {
  events: merged<Message>(features.map(({ events }) => events)),
  mails: merged<FeatureMail>(features.map(({ mails }) => mails)),
  limits: mapped(limits, ({ max, window }) => ({ max, window })),
  limitMessages: mapped(limits, ({ message }) => message),
}

function merged<Thing>(parts: readonly (Readonly<Record<string, Thing>> | undefined)[]) {
  return Object.fromEntries(parts.flatMap((part = {}) => Object.entries(part)))
}

function mapped<Thing, Part>(things: Readonly<Record<string, Thing>>, part: (thing: Thing) => Part) {
  return Object.fromEntries(Object.entries(things).map(([name, thing]) => [name, part(thing)]))
}
