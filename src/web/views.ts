import { readdirSync } from 'node:fs'
import nunjucks from 'nunjucks'
import { CompiledLoader } from './compiled-loader.js'
import { LocatingLoader } from './locating-loader.js'

/** The templates, compiled once. */
export interface Views {
  render(template: string, values: object): string
}

export interface ViewsOptions {
  /** Searched in order: a file of an earlier folder stands in for the one of the same name in a later one. */
  folders: readonly string[]
  /** What templates may call. */
  globals: Record<string, unknown>
  /** Read templates anew for every page, for those who are editing them. */
  reload: boolean
  /** The templates it is about, by the end of their names: '.html' (default), or '.txt', which is written as it is. */
  ending?: '.html' | '.txt'
}

/** Throws, with the template's name and line, if one of the templates does not compile. */
export function createViews(options: ViewsOptions): Views {
  return options.reload ? reloadingViews(options) : compiledViews(options)
}

const OPTIONS = { throwOnUndefined: true, trimBlocks: true, lstripBlocks: true }

function optionsFor(ending: string): nunjucks.ConfigureOptions {
  return { ...OPTIONS, autoescape: ending === '.html' }
}

function compiledViews({ folders, globals, ending = '.html' }: ViewsOptions): Views {
  const loader = new CompiledLoader([...folders])
  const environment = new nunjucks.Environment(loader, optionsFor(ending))
  loader.environment = environment
  addGlobals(environment, globals)
  for (const name of templatesIn(folders, ending)) environment.getTemplate(name, true)
  return { render: (template, values) => environment.render(template, values) }
}

function reloadingViews({ folders, globals, ending = '.html' }: ViewsOptions): Views {
  const loader = new LocatingLoader([...folders], { noCache: true })
  const environment = new nunjucks.Environment(loader, optionsFor(ending))
  loader.environment = environment
  addGlobals(environment, globals)
  return {
    render(template, values) {
      loader.mistake = undefined
      try {
        loader.check(template, () => templatesIn(folders, ending))
        return environment.render(template, values)
      } catch (error) {
        throw loader.mistake === undefined ? error : new Error(loader.mistake, { cause: error })
      }
    },
  }
}

function addGlobals(environment: nunjucks.Environment, globals: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(globals)) environment.addGlobal(name, value)
}

function templatesIn(folders: readonly string[], ending: string): string[] {
  return folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith(ending))
      .map((name) => name.replaceAll('\\', '/')),
  )
}
