import nunjucks from 'nunjucks'
import { CompiledLoader, LocatingLoader } from './loaders.js'
import { Renderer } from './renderer.js'
import { type TemplateFiles, templatesIn } from './templates.js'

export interface Views {
  render(template: string, values: object): string
}

export interface ViewsOptions {
  folders: readonly string[]
  /** Contents at the start. Without them templates are reloaded for every page. */
  files?: TemplateFiles | undefined
  globals: Record<string, unknown>
  /** '.html' by default. '.txt' is not escaped. */
  ending?: '.html' | '.txt'
}

export function createViews({ folders, files, globals, ending = '.html' }: ViewsOptions): Views {
  return files === undefined
    ? reloadingViews(folders, globals, ending)
    : compiledViews(files, globals, ending)
}

const OPTIONS = { throwOnUndefined: true, trimBlocks: true, lstripBlocks: true }

function optionsFor(ending: string): nunjucks.ConfigureOptions {
  return { ...OPTIONS, autoescape: ending === '.html' }
}

function compiledViews(files: TemplateFiles, globals: Record<string, unknown>, ending: string): Views {
  const loader = new CompiledLoader(files)
  const environment = new nunjucks.Environment(loader, optionsFor(ending))
  loader.environment = environment
  addGlobals(environment, globals)
  for (const [name, { isOurs }] of files)
    if (!isOurs && name.endsWith(ending)) environment.getTemplate(name, true)
  const renderer = new Renderer(files, environment)
  return {
    render(template, values) {
      try {
        return renderer.render(template, values)
      } catch {
        // Nunjucks names the file and the line of what is wrong.
        return environment.render(template, values)
      }
    },
  }
}

function reloadingViews(folders: readonly string[], globals: Record<string, unknown>, ending: string): Views {
  const loader = new LocatingLoader([...folders], { noCache: true })
  const environment = new nunjucks.Environment(loader, optionsFor(ending))
  loader.environment = environment
  addGlobals(environment, globals)
  return {
    render(template, values) {
      loader.mistake = undefined
      try {
        loader.check(template, () => folders.flatMap(templatesIn).filter((name) => name.endsWith(ending)))
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
