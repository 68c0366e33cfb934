import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

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

/** The names of the templates in a folder. */
export function templatesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(?:html|txt)$/.test(name))
    .map((name) => name.replaceAll('\\', '/'))
}
