import type nunjucks from 'nunjucks'

export type Render = (context: Context, frame: Frame) => string
export type Blocks = Readonly<Record<string, Render>>
export type Variables = Record<string, unknown>

/** Shared by the templates of a page. As in Nunjucks, filters read `env` and `ctx`. */
export class Context {
  readonly env: nunjucks.Environment
  readonly ctx: Variables
  readonly #blocks: Record<string, Render[]> = {}
  readonly #exported: string[] = []

  constructor(env: nunjucks.Environment, values: object, blocks: Blocks) {
    this.env = env
    this.ctx = Object.assign(Object.create(env.globals), values)
    for (const name in blocks) this.addBlock(name, blocks[name])
  }

  copy(blocks: Blocks): Context {
    return new Context(this.env, this.ctx, blocks)
  }

  lookup(name: string): unknown {
    return this.ctx[name]
  }

  setVariable(name: string, value: unknown): void {
    this.ctx[name] = value
  }

  addBlock(name: string, block: Render | undefined): void {
    if (block !== undefined) this.#blocks[name] = [...(this.#blocks[name] ?? []), block]
  }

  getBlock(name: string): Render {
    const [block] = this.#blocks[name] ?? []
    if (block === undefined) throw new Error(`unknown block "${name}"`)
    return block
  }

  getSuper(name: string, block: Render): Render {
    const blocks = this.#blocks[name] ?? []
    const above = blocks[blocks.indexOf(block) + 1]
    if (!blocks.includes(block) || above === undefined)
      throw new Error(`no super block available for "${name}"`)
    return above
  }

  addExport(name: string): void {
    this.#exported.push(name)
  }

  getExported(): Variables {
    return Object.fromEntries(this.#exported.map((name) => [name, this.ctx[name]]))
  }
}

/** Variables of one scope, as in Nunjucks. The map is created on first use, because most scopes have no variables. */
export class Frame {
  topLevel = false
  readonly #parent: Frame | undefined
  readonly #isolatesWrites: boolean
  #variables: Map<string, unknown> | undefined

  constructor(parent?: Frame, isolatesWrites = false) {
    this.#parent = parent
    this.#isolatesWrites = isolatesWrites
  }

  push(isolatesWrites?: boolean): Frame {
    return new Frame(this, isolatesWrites)
  }

  pop(): Frame | undefined {
    return this.#parent
  }

  lookup(name: string): unknown {
    let frame: Frame | undefined = this
    while (frame !== undefined) {
      const value = frame.#variables?.get(name)
      if (value !== undefined) return value
      frame = frame.#parent
    }
    return undefined
  }

  set(name: string, value: unknown, resolvesUp = false): void {
    const holder = resolvesUp ? this.#writable(name) : this
    holder.#variables ??= new Map()
    holder.#variables.set(name, value)
  }

  #writable(name: string): Frame {
    return (this.#isolatesWrites ? this : this.#holder(name)) ?? this
  }

  #holder(name: string): Frame | undefined {
    let frame: Frame | undefined = this
    while (frame !== undefined && frame.#variables?.get(name) === undefined) frame = frame.#parent
    return frame
  }
}
