import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Comparison, compareOverrides, copyTemplate, keepTemplate } from '../views/overrides.js'
import {
  aboutTemplate,
  isFolder,
  templateNames,
  type UnknownTemplate,
  unknownTemplatesIn,
} from '../views/templates.js'
import { type Alarm, type Command, parsed, UsageError, unknownCommand } from './command.js'
import { readTemplateFolders } from './settings.js'

const options = {
  folder: { type: 'string', multiple: true },
  diff: { type: 'boolean', default: false },
} as const

const VERBS = ['copy', 'keep']

export const command: Command = {
  name: 'templates',
  summary: 'List, copy and compare templates',
  help: `Usage: gatehouse templates [--folder <dir>]…
       gatehouse templates copy <name> [--folder <dir>]
       gatehouse templates --diff [--folder <dir>]…
       gatehouse templates keep <name> [--folder <dir>]

List all templates and the ones you override.

  copy    Copy a template into your folder, for you to edit. Its original is
          noted in <dir>/.gatehouse.json
  --diff  Show how the originals of your overrides have changed since you
          copied them. Exits with 1 if any has
  keep    Mark an override as up to date with its original

Options:
  --folder <dir>  Your template folder. Default: the folders in TEMPLATES

Example, after an update:
  gatehouse templates --diff --folder my-templates`,
  async run(args) {
    const { values, positionals } = parsed(() =>
      parseArgs({ args: [...args], options, allowPositionals: true }),
    )
    const [verb, name, ...others] = positionals
    const folders = values.folder?.map((folder) => resolve(folder)) ?? (await readTemplateFolders())
    if (verb === undefined) return values.diff ? diff(folders) : list(folders)
    if (!VERBS.includes(verb)) throw unknownCommand('gatehouse templates', verb)
    if (name === undefined || others.length > 0 || values.diff) {
      throw new UsageError(`Missing template. Usage: gatehouse templates ${verb} <name> --folder <dir>`)
    }
    return verb === 'copy' ? copy(name, only(folders)) : keep(name, only(folders))
  },
}

function list(folders: readonly string[]): string {
  refuseMissing(folders)
  const names = templateNames()
  const width = Math.max(...names.map((name) => name.length))
  const lines = names.flatMap((name) => [
    `${name.padEnd(width)}  ${aboutTemplate(name)}`,
    ...overridesOf(name, folders),
  ])
  return [...lines, ...folders.flatMap(unknownIn)].join('\n')
}

function overridesOf(name: string, folders: readonly string[]): string[] {
  const [first, ...others] = folders.map((folder) => join(folder, name)).filter((file) => existsSync(file))
  if (first === undefined) return []
  return [`  overridden by ${first}`, ...others.map((file) => `  ignored: ${file}`)]
}

function unknownIn(folder: string): string[] {
  const found = unknownTemplatesIn(folder)
  if (found.length === 0) return []
  return [
    '',
    `Files in ${folder} that override nothing:`,
    ...found.map((template) => `  ${wordsFor(template)}`),
  ]
}

function wordsFor({ name, nearest, isUsed }: UnknownTemplate): string {
  if (isUsed) return `${name} (used by another template there)`
  return nearest === undefined ? name : `${name}: did you mean ${nearest}?`
}

function copy(name: string, folder: string): string {
  copyTemplate(name, folder)
  return `Copied to ${join(folder, name)}.`
}

function keep(name: string, folder: string): string {
  refuseMissing([folder])
  keepTemplate(name, folder)
  return `Marked ${join(folder, name)} as up to date.`
}

function only(folders: readonly string[]): string {
  const [folder, ...others] = folders
  if (folder === undefined || others.length > 0)
    throw new UsageError('Missing folder. Add one --folder <dir>.')
  return folder
}

function diff(folders: readonly string[]): string | Alarm {
  if (folders.length === 0) throw new UsageError('Missing folder. Add --folder <dir> or set TEMPLATES.')
  refuseMissing(folders)
  const found = folders.map((folder) => ({ folder, overrides: compareOverrides(folder) }))
  const output = found.map(({ folder, overrides }) => report(folder, overrides)).join('\n\n')
  const isDrifted = found.some(({ overrides }) => overrides.some(({ state }) => HAS_DRIFTED[state]))
  return isDrifted ? { output, exitCode: 1 } : output
}

const HAS_DRIFTED: Record<Comparison['state'], boolean> = {
  same: false,
  edited: false,
  unknown: false,
  drifted: true,
  gone: true,
}

const STATES: Record<Comparison['state'], (override: Comparison) => string> = {
  same: () => 'same as the original',
  edited: ({ version }) => `edited; the original has not changed since ${version}`,
  drifted: ({ version }) =>
    `outdated: the original has changed since ${version}. Merge what you need, then run gatehouse templates keep`,
  gone: ({ version }) => `unused: the original of ${version} no longer exists. Remove this file or rename it`,
  unknown: () => 'not copied with gatehouse templates copy; it differs from the original like this',
}

function report(folder: string, overrides: readonly Comparison[]): string {
  if (overrides.length === 0) return `${folder} overrides nothing.`
  const texts = overrides.map((override) => {
    const line = `${override.name}: ${STATES[override.state](override)}`
    return override.difference === '' ? line : `${line}\n${override.difference}`
  })
  return [`In ${folder}:`, ...texts].join('\n')
}

function refuseMissing(folders: readonly string[]): void {
  const missing = folders.find((folder) => !isFolder(folder))
  if (missing !== undefined) throw new Error(`Folder not found: ${missing}.`)
}
