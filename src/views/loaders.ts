import nunjucks from 'nunjucks'
import type { TemplateFiles } from './templates.js'

type Renderer = (env: unknown, context: unknown, frame: unknown, runtime: Runtime, done: unknown) => unknown

type Compiled = Record<string, Renderer>

interface Runtime {
  ensureDefined(value: unknown, line: number, column: number): unknown
  callWrap(value: unknown, name: string, context: unknown, args: unknown): unknown
  handleError(error: unknown, line: number, column: number): unknown
}

const compiled = new Map<string, Compiled>()

// Compiles each template once per process, on first use, because compiling takes most of a start. All environments must have the
// same filters, extensions and options.
export class CompiledLoader extends nunjucks.FileSystemLoader {
  environment: nunjucks.Environment | undefined
  readonly #files: TemplateFiles

  constructor(files: TemplateFiles) {
    super([]) // no folders, because all files are given
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

function compile(source: string, name: string, environment: nunjucks.Environment): string {
  return nunjucks.precompileString(source, { name, env: environment, wrapper: codeOf })
}

// The types say one template, but it is a list.
function codeOf(templates: unknown): string {
  const [only]: { template: string }[] = [templates].flat().filter(isCompiled)
  if (only === undefined) throw new Error('Nunjucks has compiled nothing.')
  return only.template
}

function isCompiled(value: unknown): value is { template: string } {
  return typeof value === 'object' && value !== null && 'template' in value
}

interface Template {
  name: string
  source: string
}

// Nunjucks names the template being rendered in errors, even if the mistake is in an included one.
export class LocatingLoader extends nunjucks.FileSystemLoader {
  mistake: string | undefined
  environment: nunjucks.Environment | undefined
  readonly #codes = new Map<string, string>()
  readonly #uses = new Map<string, readonly string[] | 'computed'>()

  // Also compiles its includes, for which Nunjucks would throw from a timer. `all` returns candidates for computed names.
  check(name: string, all: () => readonly string[], checked = new Set<string>()): void {
    if (checked.has(name)) return
    checked.add(name)
    this.getSource(name)
    const uses = this.#uses.get(name) ?? []
    for (const used of uses === 'computed' ? all() : uses) this.check(used, all, checked)
  }

  override getSource(name: string): nunjucks.LoaderSource {
    const loaded = super.getSource(name)
    const { environment } = this
    if (loaded === null || environment === undefined) return loaded
    const template = { name, source: loaded.src }
    const code = this.#codeOf(template, environment)
    this.#checkNames(template, code, environment)
    const renderers = renderersIn(code)
    return Object.assign(loaded, { src: { type: 'code', obj: this.#watched(template, renderers) } })
  }

  // Compiling takes most of the time of a page, and few templates change between two pages.
  #codeOf({ name, source }: Template, environment: nunjucks.Environment): string {
    const key = `${name}\n${source}`
    const code = this.#codes.get(key) ?? compile(source, name, environment)
    this.#codes.set(key, code)
    return code
  }

  // Nunjucks would find these while rendering, and name neither template nor line.
  #checkNames(template: Template, code: string, environment: nunjucks.Environment): void {
    const used = [...code.matchAll(/env\.getTemplate\("([^"]+)"/g)].map(([, name = '']) => name)
    this.#uses.set(template.name, /env\.getTemplate\((?!")/.test(code) ? 'computed' : used)
    for (const name of used) {
      if (super.getSource(name) === null)
        throw new Error(`${locationOf(template, name)}: template not found: ${name}`)
    }
    for (const [, name = ''] of code.matchAll(/env\.getFilter\("([^"]+)"\)/g)) {
      if (!hasFilter(environment, name))
        throw new Error(`${locationOf(template, name)}: filter not found: ${name}`)
    }
  }

  #watched(template: Template, renderers: Compiled): Compiled {
    const watched = Object.entries(renderers).map(([key, render]): [string, Renderer] => [
      key,
      (env, context, frame, runtime, done) =>
        render(env, context, frame, this.#watching(template, runtime), done),
    ])
    return Object.fromEntries(watched)
  }

  #watching(template: Template, runtime: Runtime): Runtime {
    const note = (place: string, what: string) => {
      this.mistake ??= `${place}: ${what}`
    }
    const at = (line: number, column: number) => `(${template.name}) [Line ${line + 1}, Column ${column + 1}]`
    return Object.assign(Object.create(runtime), {
      ensureDefined(value: unknown, line: number, column: number) {
        if (value == null) note(at(line, column), 'attempted to output null or undefined value')
        return runtime.ensureDefined(value, line, column)
      },
      callWrap(value: unknown, name: string, context: unknown, args: unknown) {
        if (typeof value !== 'function') note(locationOf(template, name), `unable to call ${name}`)
        return runtime.callWrap(value, name, context, args)
      },
      handleError(error: unknown, line: number, column: number) {
        note(at(line, column), error instanceof Error ? error.message : String(error))
        return runtime.handleError(error, line, column)
      },
    })
  }
}

function locationOf({ name, source }: Template, word: string): string {
  const line = source.split('\n').findIndex((text) => text.includes(word))
  return line === -1 ? `(${name})` : `(${name}) [Line ${line + 1}]`
}

function hasFilter(environment: nunjucks.Environment, name: string): boolean {
  try {
    return typeof environment.getFilter(name) === 'function'
  } catch {
    return false
  }
}
