import { readdirSync, readFileSync, statSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import type { Logger } from 'pino'
import { byDistance } from '../base/nearest.js'
import { root } from '../base/package.js'

const FOLDER = join(root, 'templates')

export function templateNames(): string[] {
  return templatesIn(FOLDER)
}

export function templatesIn(folder: string): string[] {
  return filesIn(folder).filter((name) => /\.(?:html|txt)$/.test(name))
}

export interface TemplateFile {
  path: string
  text: string
  isOurs: boolean
}

export type TemplateFiles = ReadonlyMap<string, TemplateFile>

// All are read at once, so that an upgrade under a running site does not mix two versions.
let ours: TemplateFiles | undefined

/** Earlier folders win. */
export function readTemplates(folders: readonly string[]): TemplateFiles {
  ours ??= new Map(textsIn(FOLDER).map(({ name, path, text }) => [name, { path, text, isOurs: true }]))
  const files = new Map(ours)
  for (const folder of folders.toReversed()) {
    for (const { name, path, text } of textsIn(folder)) files.set(name, { path, text, isOurs: false })
  }
  return files
}

function textsIn(folder: string): { name: string; path: string; text: string }[] {
  return templatesIn(folder).map((name) => {
    const path = join(folder, name)
    return { name, path, text: readFileSync(path, 'utf8') }
  })
}

export function originalOf(name: string): string {
  if (!templateNames().includes(name)) {
    throw new Error(`Unknown template: ${name}. Run gatehouse templates for a list.`)
  }
  return readFileSync(join(FOLDER, name), 'utf8')
}

export function foldersIn(text: string): string[] {
  const folders = text.split(delimiter).map((folder) => folder.trim())
  return folders.filter((folder) => folder !== '').map((folder) => resolve(folder))
}

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

export function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => !/(?:^|[/\\])\./.test(path) && !isFolder(join(folder, path)))
    .map((path) => path.replaceAll('\\', '/'))
    .sort()
}

export function aboutTemplate(name: string): string {
  const text = originalOf(name)
  const page = name.replace(/[^/]+$/, 'page.html')
  const own = commentOf(text) || titleOf(text) || subjectOf(name)
  if (own !== '' || !templateNames().includes(page)) return own
  return `Part of: ${titleOf(originalOf(page))}`
}

function commentOf(text: string): string {
  const [, comment = ''] = /^\{#\s*([\s\S]*?)\s*#\}/.exec(text) ?? []
  const [sentence = ''] = /^.*?(?:\.(?= )|$)/.exec(comment.replaceAll(/\s+/g, ' ')) ?? []
  return sentence
}

function titleOf(text: string): string {
  const [title = ''] = /\{% set title = .*? %\}/.exec(text) ?? []
  return englishIn(title).join(' or ')
}

function subjectOf(name: string): string {
  const text = name.replace(/html$/, 'txt')
  if (!templateNames().includes(text)) return ''
  const [subject = ''] = /\{% block subject %\}.*/.exec(originalOf(text)) ?? []
  return englishIn(subject).join('')
}

export function englishIn(text: string): string[] {
  return [...text.matchAll(/\b_\((["'])(.*?)\1/g)].map(([, , english = '']) => english)
}

const LANGUAGE = /^languages\/[^/]+\.json$/

export interface UnknownTemplate {
  name: string
  nearest: string | undefined
  isUsed: boolean
}

export function unknownTemplatesIn(folder: string): UnknownTemplate[] {
  const names = templateNames()
  const files = filesIn(folder).filter((name) => !LANGUAGE.test(name))
  const unknown = files.filter((name) => !names.includes(name))
  const texts = unknown.length === 0 ? [] : files.map((name) => readFileSync(join(folder, name), 'utf8'))
  return unknown.map((name) => ({
    name,
    nearest: nearestOf(name, names),
    isUsed: texts.some((text) => text.includes(`"${name}"`) || text.includes(`'${name}'`)),
  }))
}

const SLIP = 3

function nearestOf(name: string, names: readonly string[]): string | undefined {
  const near = byDistance(name, names)
  const sibling = near.find(({ known }) => folderOf(known) === folderOf(name))
  const [nearest] = near
  return nearest !== undefined && nearest.distance <= SLIP ? nearest.known : sibling?.known
}

function folderOf(name: string): string {
  return name.replace(/[^/]*$/, '')
}

export function noteUnusedTemplates(folders: readonly string[], log: Logger): void {
  for (const folder of folders) {
    const unused = unknownTemplatesIn(folder).filter(({ isUsed }) => !isUsed)
    for (const { name, nearest } of unused) {
      const note = { template: join(folder, name), ...(nearest !== undefined && { nearest }) }
      if (nearest === undefined) log.info(note, 'template overrides nothing')
      else log.warn(note, 'template overrides nothing: mistyped name?')
    }
  }
}

// Matches htmx itself, with or without version and ending, but no extension of htmx.
const HTMX =
  /<script\b[^>]*\bsrc\s*=[^>]*\bhtmx(?:\.org(?:@[^/\s"'>]*)?|(?:[.-](?:\d[\w.]*|min|esm))*\.js)(?=["'\s?#>])/i
const OURS = /\{\{\s*asset\(\s*["']htmx\.js["']\s*\)\s*\}\}/g

export function otherHtmxIn(folder: string): string[] {
  return filesIn(folder)
    .filter((name) => name.endsWith('.html'))
    .filter((name) => HTMX.test(readFileSync(join(folder, name), 'utf8').replaceAll(OURS, '')))
}

// Two copies of htmx would both act on the same attributes.
export function noteOtherHtmx(folders: readonly string[], log: Logger): void {
  for (const folder of folders) {
    for (const name of otherHtmxIn(folder))
      log.warn({ template: join(folder, name) }, 'template loads its own htmx: pages already have it')
  }
}
