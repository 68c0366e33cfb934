import nunjucks from 'nunjucks'
import { type Compiled, compile, type Linker } from './compiler.js'
import { type Blocks, Context, Frame, type Render, type Variables } from './scopes.js'
import type { TemplateFiles } from './templates.js'

interface Template extends Compiled {
  root: Render
  blocks: Blocks
}

// Functions that depend only on the language and the site, unless a template or page redefines the name.
const CONSTANTS = ['_', 'url', 'asset']

const UNSAFE = /[&"'<>\\]/

const runtime = {
  ...nunjucks.runtime,
  Frame,
  suppressValue(value: unknown, autoescape: boolean) {
    if (typeof value === 'string' && !UNSAFE.test(value)) return value
    return nunjucks.runtime.suppressValue(value, autoescape)
  },
}

const compiled = new Map<string, Compiled>()

/** Renders what Nunjucks would, in a quarter of the time. Its errors do not say where: after one, render with Nunjucks itself. */
export class Renderer implements Linker {
  readonly #files: TemplateFiles
  readonly #environment: nunjucks.Environment
  readonly #templates = new Map<unknown, Template>()
  readonly #macros = new Map<string, Variables>()
  #constants: readonly string[] = CONSTANTS

  constructor(files: TemplateFiles, environment: nunjucks.Environment) {
    this.#files = files
    this.#environment = environment
  }

  render(name: string, values: object): string {
    for (const word of this.#constants) if (word in values) throw new Error(`${word} is given to the page.`)
    const { root, blocks } = this.template(name)
    return root(new Context(this.#environment, values, blocks), topLevel(new Frame()))
  }

  template(name: unknown): Template {
    const template = this.#templates.get(name) ?? this.#load(name)
    this.#templates.set(name, template)
    return template
  }

  #load(name: unknown): Template {
    const file = typeof name === 'string' ? this.#files.get(name) : undefined
    if (file === undefined) throw new Error(`template not found: ${name}`)
    const key = `${this.#constants}\n${file.text}`
    const template = compiled.get(key) ?? compile(file.text, this.#environment.opts, this.#constants)
    compiled.set(key, template)
    for (const word of this.#constants) if (template.bound.has(word)) this.#refuseConstant(word)
    return { ...template, ...template.load(this.#environment, runtime, this) }
  }

  constant(name: string, args: readonly string[]): string {
    const call = this.#environment.globals[name]
    const value: unknown = typeof call === 'function' ? call(...args) : undefined
    return typeof value === 'string' ? value : this.#refuseConstant(name)
  }

  // Throws, because what was rendered so far may be wrong. The next page is rendered without constants.
  #refuseConstant(name: string): never {
    this.#constants = []
    this.#templates.clear()
    this.#macros.clear()
    throw new Error(`${name} is not constant.`)
  }

  include(name: unknown, isOptional: boolean, context: Context, frame: Frame): string {
    if (isOptional && !this.#files.has(String(name))) return ''
    const { root, blocks, isWriting } = this.template(name)
    return root(isWriting ? context.copy(blocks) : context, topLevel(frame.push(true)))
  }

  import(name: string, context?: Context, frame?: Frame): Variables {
    const known = context === undefined ? this.#macros.get(name) : undefined
    if (known !== undefined) return known
    const { root, blocks } = this.template(name)
    const own = context?.copy(blocks) ?? new Context(this.#environment, {}, blocks)
    root(own, topLevel(frame?.push() ?? new Frame()))
    const exports = own.getExported()
    if (context === undefined && this.#isMacros(name)) this.#macros.set(name, exports)
    return exports
  }

  #isMacros(name: string): boolean {
    return this.template(name).macrosWith?.every((other) => this.#isMacros(other)) ?? false
  }

  exported(exports: Variables, name: string): unknown {
    if (!Object.hasOwn(exports, name)) throw new Error(`cannot import '${name}'`)
    return exports[name]
  }
}

function topLevel(frame: Frame): Frame {
  frame.topLevel = true
  return frame
}
