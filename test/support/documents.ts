import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { root } from '../../src/base/package.js'

/** A Markdown file, with its path from the project's folder. */
export interface Document {
  path: string
  text: string
}

/** A fenced code block, with the rest of its first line, such as the name of a file. */
export interface Block {
  language: string
  label: string
  text: string
}

export const documents: readonly Document[] = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'templates/languages/README.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => posix.join('docs', file.replaceAll('\\', '/'))),
].map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))

export function documentAt(path: string): Document {
  const found = documents.find((document) => document.path === path)
  if (found === undefined) throw new Error(`There is no ${path}.`)
  return found
}

const FENCED = /^```([^\n]*)\n(.*?)^```$/gms

export function blocksOf({ text }: Document): Block[] {
  return [...text.matchAll(FENCED)].map(([, line = '', content = '']) => {
    const [language = '', ...label] = line.split(' ')
    return { language, label: label.join(' '), text: content }
  })
}

export function proseOf({ text }: Document): string {
  return text.replaceAll(FENCED, '')
}

/** Returns the anchors of its headings, as GitHub makes them. */
export function anchorsOf(document: Document): string[] {
  return [...proseOf(document).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** Returns the targets of its links, except those to other sites. */
export function linksOf(document: Document): { path: string; anchor: string | undefined }[] {
  return [...proseOf(document).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].map(
    ([, to = '', anchor]) => ({
      path: to === '' ? document.path : posix.join(posix.dirname(document.path), to),
      anchor,
    }),
  )
}
