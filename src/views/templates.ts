import { readdirSync, readFileSync, statSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import type { Logger } from 'pino'
import { byDistance } from '../base/nearest.js'
import { root } from '../base/package.js'

const FOLDER = join(root, 'templates')

/** The names of our templates, each of which a file of a host's folder can stand in for. */
export function templateNames(): string[] {
  return templatesIn(FOLDER)
}

/** The names of the templates in a folder. */
export function templatesIn(folder: string): string[] {
  return filesIn(folder).filter((name) => /\.(?:html|txt)$/.test(name))
}

/** The text of a template, and where it lies. */
export interface TemplateFile {
  path: string
  text: string
  /** Whether it is our own, rather than one of the host's in its place or beside. */
  isOurs: boolean
}

/** By the name of the template. */
export type TemplateFiles = ReadonlyMap<string, TemplateFile>

/**
 * All templates of the folders, the last of which is ours, as they are now: a package that is exchanged under a running site
 * must not give it half of another one. A file of an earlier folder stands in for the one of the same name in a later one.
 */
export function readTemplates(folders: readonly string[]): TemplateFiles {
  const files = new Map<string, TemplateFile>()
  for (const folder of folders.toReversed()) {
    const isOurs = folder === folders.at(-1)
    for (const name of templatesIn(folder)) {
      const path = join(folder, name)
      files.set(name, { path, text: readFileSync(path, 'utf8'), isOurs })
    }
  }
  return files
}

/** The text of one of our templates. Throws a sentence if there is none of this name. */
export function originalOf(name: string): string {
  if (!templateNames().includes(name)) {
    throw new Error(`There is no template ${name}; gatehouse templates lists them all.`)
  }
  return readFileSync(join(FOLDER, name), 'utf8')
}

/** The folders that a setting names, separated as PATH is, as absolute paths. */
export function foldersIn(text: string): string[] {
  const folders = text.split(delimiter).map((folder) => folder.trim())
  return folders.filter((folder) => folder !== '').map((folder) => resolve(folder))
}

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

/** Every file in a folder and below, by its path from there, with slashes; hidden ones are no templates. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => !/(?:^|[/\\])\./.test(path) && !isFolder(join(folder, path)))
    .map((path) => path.replaceAll('\\', '/'))
    .sort()
}

/** What a template of ours is, in one line: what it says of itself, or the title of its page. */
export function aboutTemplate(name: string): string {
  const text = originalOf(name)
  const page = name.replace(/[^/]+$/, 'page.html')
  const own = commentOf(text) || titleOf(text) || subjectOf(name)
  if (own !== '' || !templateNames().includes(page)) return own
  return `A part of: ${titleOf(originalOf(page))}`
}

/** The first sentence of the comment that a template begins with. */
function commentOf(text: string): string {
  const [, comment = ''] = /^\{#\s*([\s\S]*?)\s*#\}/.exec(text) ?? []
  const [sentence = ''] = /^.*?(?:\.(?= )|$)/.exec(comment.replaceAll(/\s+/g, ' ')) ?? []
  return sentence
}

function titleOf(text: string): string {
  const [title = ''] = /\{% set title = .*? %\}/.exec(text) ?? []
  return englishIn(title).join(', or: ')
}

/** Mails as HTML have the subject of the same mail as text. */
function subjectOf(name: string): string {
  const text = name.replace(/html$/, 'txt')
  if (!templateNames().includes(text)) return ''
  const [subject = ''] = /\{% block subject %\}.*/.exec(originalOf(text)) ?? []
  return englishIn(subject).join('')
}

/** The English texts in a template, which other languages have theirs for. */
export function englishIn(text: string): string[] {
  return [...text.matchAll(/\b_\((["'])(.*?)\1/g)].map(([, , english = '']) => english)
}

/** Beside templates, and read with those of ours whatever its language. */
const LANGUAGE = /^languages\/[^/]+\.json$/

/** A file in a host's folder that takes the place of none of our templates. */
export interface UnknownTemplate {
  name: string
  /** The template of ours that may be meant. */
  nearest: string | undefined
  /** Whether another template of the folder names it: then it is a part of that one's. */
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

/** So many characters too many or missing are a slip of the hand. */
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

/** Says in the log what looks as if it was meant to stand in for a template of ours, and does not. */
export function noteUnusedTemplates(folders: readonly string[], log: Logger): void {
  for (const folder of folders) {
    const unused = unknownTemplatesIn(folder).filter(({ isUsed }) => !isUsed)
    for (const { name, nearest } of unused) {
      const note = { template: join(folder, name), ...(nearest !== undefined && { nearest }) }
      // Pages of the host's own have names of their own.
      if (nearest === undefined) log.info(note, 'a template that takes the place of none of ours')
      else log.warn(note, 'a template that takes the place of none of ours: is its name mistyped?')
    }
  }
}

/** The file of a htmx, also with its version or without an ending; not that of an extension, nor ours. */
const HTMX =
  /<script\b[^>]*\bsrc\s*=[^>]*\bhtmx(?:\.org(?:@[^/\s"'>]*)?|(?:[.-](?:\d[\w.]*|min|esm))*\.js)(?=["'\s?#>])/i
const OURS = /\{\{\s*asset\(\s*["']htmx\.js["']\s*\)\s*\}\}/g

/** The templates of the folder that load an htmx of their own. */
export function otherHtmxIn(folder: string): string[] {
  return filesIn(folder)
    .filter((name) => name.endsWith('.html'))
    .filter((name) => HTMX.test(readFileSync(join(folder, name), 'utf8').replaceAll(OURS, '')))
}

/** Says in the log where a page may get two of htmx: each would act on the host's own attributes. */
export function noteOtherHtmx(folders: readonly string[], log: Logger): void {
  for (const folder of folders) {
    for (const name of otherHtmxIn(folder))
      log.warn(
        { template: join(folder, name) },
        'a template loads an htmx of its own: pages have ours already',
      )
  }
}
