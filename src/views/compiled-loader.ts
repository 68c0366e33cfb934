import nunjucks from 'nunjucks'
import type { TemplateFiles } from './template-files.js'

/** A compiled template: its root and its blocks, which are the same whatever environment they are rendered in. */
type Compiled = Record<string, Renderer>

type Renderer = (env: unknown, context: unknown, frame: unknown, runtime: unknown, done: unknown) => unknown

/** By where a template lies and what it says. */
const compiled = new Map<string, Compiled>()

/**
 * Compiles a template when it is used first, and once in a process: each language has an environment of its own, and to
 * compile all would be most of what a start takes. Its environments have to agree in what nunjucks compiles with: filters,
 * extensions and options.
 */
export class CompiledLoader extends nunjucks.FileSystemLoader {
  /** Whose options templates are compiled with. */
  environment: nunjucks.Environment | undefined
  readonly #files: TemplateFiles

  constructor(files: TemplateFiles) {
    super([]) // it looks into no folder: what is not here is not found
    this.#files = files
  }

  override getSource(name: string): nunjucks.LoaderSource {
    const file = this.#files.get(name)
    const { environment } = this
    if (file === undefined || environment === undefined) return super.getSource(name)
    const { path, text } = file
    const key = `${path}\n${text}`
    const obj = compiled.get(key) ?? renderersIn(compile(text, path, environment))
    compiled.set(key, obj)
    return Object.assign({ path, noCache: false, src: '' }, { src: { type: 'code', obj } })
  }
}

function renderersIn(code: string): Compiled {
  return new Function(code)()
}

/** The code of a template, as a function's body. Throws, with its name and line, if it does not compile. */
export function compile(source: string, name: string, environment: nunjucks.Environment): string {
  return nunjucks.precompileString(source, { name, env: environment, wrapper: codeOf })
}

// The types speak of one template; it is a list, of one for a single source.
function codeOf(templates: unknown): string {
  const [only]: { template: string }[] = [templates].flat().filter(isCompiled)
  if (only === undefined) throw new Error('Nunjucks has compiled nothing.')
  return only.template
}

function isCompiled(value: unknown): value is { template: string } {
  return typeof value === 'object' && value !== null && 'template' in value
}
