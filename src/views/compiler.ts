import nunjucks from 'nunjucks'
import type { Names, Node } from './nunjucks-types.js'
import type { Blocks, Context, Frame, Render, Variables } from './scopes.js'

const { nodes, parser, compiler, runtime } = nunjucks

export interface Compiled {
  load(env: nunjucks.Environment, runtime: object, linker: Linker): { root: Render; blocks: Blocks }
  /** Names of its variables and parameters. */
  bound: ReadonlySet<string>
  /** Whether rendering it changes its context. */
  isWriting: boolean
  /** Names of the templates it imports. Undefined unless it contains only macros, which depend on nothing but their arguments. */
  macrosWith: readonly string[] | undefined
}

export interface Linker {
  constant(name: string, args: readonly string[]): string
  template(name: unknown): { root: Render; blocks: Blocks }
  include(name: unknown, isOptional: boolean, context: Context, frame: Frame): string
  import(name: string, context?: Context, frame?: Frame): Variables
  exported(exports: Variables, name: string): unknown
}

/**
 * Compiles a template into functions that return text. Those of Nunjucks use callbacks instead, for asynchronous filters. Calls of
 * `constants` with literal arguments are evaluated when the code is loaded, not for each page.
 */
export function compile(
  text: string,
  options: nunjucks.ConfigureOptions,
  constants: readonly string[],
): Compiled {
  const parsed = parser.parse(text, [], options)
  const code = new TemplateCompiler(constants, options.throwOnUndefined).codeOf(parsed)
  return {
    load: new Function(`return function (env, runtime, linker) {\n${code}}`)(),
    bound: new Set([...code.matchAll(BOUND)].map(([, name = '']) => name)),
    isWriting: WRITING.test(code),
    macrosWith: importsOfMacros(parsed),
  }
}

const BOUND = /\b(?:frame\.set|context\.setVariable)\("(\w+)"/g
const WRITING = /\bcontext\.(?:setVariable|addBlock|getBlock)\(/

function importsOfMacros({ children = [] }: Node): string[] | undefined {
  const imports: string[] = []
  for (const child of children) {
    const isText = child.typename === 'Output' && child.children?.every(isData)
    const name = child.typename === 'FromImport' && !child.withContext ? child.template?.value : undefined
    if (typeof name === 'string') imports.push(name)
    else if (!isText && child.typename !== 'Macro') return undefined
  }
  return imports
}

function isData(node: Node): boolean {
  return node.typename === 'TemplateData'
}

function isSuper({ typename, name }: Node): boolean {
  return typename === 'FunCall' && name?.value === 'super'
}

class TemplateCompiler extends compiler.Compiler {
  readonly #constantCalls: ReadonlySet<string>
  readonly #hoisted = new Map<string, string>()

  constructor(constants: readonly string[], throwOnUndefined = false) {
    super('', throwOnUndefined)
    this.#constantCalls = new Set(constants)
  }

  codeOf(root: Node): string {
    this.compile(root)
    const constants = [...this.#hoisted].map(([value, id]) => `var ${id} = ${value};\n`)
    return constants.join('') + this.getCode()
  }

  override compileRoot(root: Node): void {
    const text = 'parentTemplate ? parentTemplate.root(context, frame) : output'
    this.#function('root', 'var parentTemplate;', root, text)
    this.inBlock = true
    const blocks = root.findAll(nodes.Node).filter(({ typename }) => typename === 'Block')
    for (const { name, body } of blocks) {
      const id = `b_${name?.value}`
      const above = `context.getSuper("${name?.value}", ${id})(context, frame)`
      const needsAbove = body?.findAll(nodes.Node).some(isSuper)
      const begin = `frame = frame.push(true); ${needsAbove ? `var above = runtime.markSafe(${above});` : ''}`
      this.#function(id, begin, body, 'output')
    }
    const names = blocks.map(({ name }) => `${name?.value}: b_${name?.value}`)
    this._emitLine(`return { root: root, blocks: { ${names.join(', ')} } };`)
  }

  #function(name: string, begin: string, body: Node | undefined, text: string): void {
    this.buffer = 'output'
    this._emitLine(`function ${name}(context, frame) { ${begin} var output = "";`)
    this._withScopedSyntax(() => body && this._compileChildren(body, new runtime.Frame()))
    this._emitLine(`return ${text}; }`)
  }

  override _compileChildren({ children = [] }: Node, frame: Names): void {
    const constants: string[] = []
    const flush = () => {
      if (constants.length > 0) this._emitLine(`${this.buffer} += ${this.#constant(constants.join(' + '))};`)
      constants.length = 0
    }
    for (const child of children) {
      const values = child.typename === 'Output' ? child.children?.map((one) => this.#shown(one, frame)) : []
      if (values?.length && values.every((value) => value !== undefined)) constants.push(...values)
      else {
        flush()
        this.compile(child, frame)
      }
    }
    flush()
  }

  #shown(node: Node, frame: Names): string | undefined {
    if (isData(node)) return JSON.stringify(node.value)
    return this.#isConstant(node, frame)
      ? `runtime.suppressValue(${this.#call(node)}, env.opts.autoescape)`
      : undefined
  }

  #isConstant({ typename, name, args }: Node, frame: Names): boolean {
    const called = typename === 'FunCall' && name?.typename === 'Symbol' ? String(name.value) : ''
    const isGlobal = this.#constantCalls.has(called) && !frame.lookup(called)
    return isGlobal && (args?.children ?? []).every(({ value }) => typeof value === 'string')
  }

  #call({ name, args }: Node): string {
    const values = args?.children?.map(({ value }) => value)
    return `linker.constant(${JSON.stringify(name?.value)}, ${JSON.stringify(values)})`
  }

  #constant(value: string): string {
    const id = this.#hoisted.get(value) ?? `k_${this.#hoisted.size}`
    this.#hoisted.set(value, id)
    return id
  }

  override compileFunCall(node: Node, frame: Names): void {
    if (isSuper(node)) this._emit('above')
    else if (this.#isConstant(node, frame)) this._emit(this.#constant(this.#call(node)))
    else {
      this._emit('runtime.callWrap(')
      this._compileExpression(node.name, frame)
      this._emit(', "", context, ')
      this._compileAggregate(node.args, frame, '[', '])')
    }
  }

  // Each name gets a function of its own, because V8 is faster with a constant name.
  override compileLookupVal(node: Node, frame: Names): void {
    const { target, val } = node
    if (val?.typename === 'Literal' && typeof val.value === 'string') {
      this._emit(`${this.#constant(lookupOf(JSON.stringify(val.value)))}(`)
      this._compileExpression(target, frame)
      this._emit(')')
    } else super.compileLookupVal(node, frame)
  }

  // Nunjucks would set each property of `loop` one by one, used or not.
  override _emitLoopBindings({ body }: Node, _: string, i: string, length: string): void {
    if (!body || !mayUseLoop(body)) return
    const back = `${length} - ${i}`
    const counts = `index: ${i} + 1, index0: ${i}, revindex: ${back}, revindex0: ${back} - 1`
    const ends = `first: ${i} === 0, last: ${i} === ${length} - 1, length: ${length}`
    this._emitLine(`frame.set("loop", { ${counts}, ${ends} });`)
  }

  override compileInclude({ template, ignoreMissing }: Node, frame: Names): void {
    this._emit(`${this.buffer} += linker.include(`)
    this._compileExpression(template, frame)
    this._emitLine(`, ${Boolean(ignoreMissing)}, context, frame);`)
  }

  override compileImport(node: Node, frame: Names): void {
    this.#bind(String(node.target?.value), this.#import(node, frame), frame)
  }

  override compileFromImport(node: Node, frame: Names): void {
    const exported = this.#import(node, frame)
    for (const one of node.names?.children ?? []) {
      const [name, alias] = one.typename === 'Pair' ? [one.key, Object(one.value)] : [one, one]
      const id = this._tmpid()
      this._emitLine(`var ${id} = linker.exported(${exported}, "${name?.value}");`)
      this.#bind(alias.value, id, frame)
    }
  }

  #import({ template, withContext }: Node, frame: Names): string {
    const id = this._tmpid()
    this._emit(`var ${id} = linker.import(`)
    this._compileExpression(template, frame)
    this._emitLine(withContext ? ', context, frame);' : ');')
    return id
  }

  #bind(name: string, id: string, frame: Names): void {
    frame.set(name, id)
    this._emitLine(`${frame.parent ? 'frame.set' : 'context.setVariable'}("${name}", ${id});`)
  }

  override compileExtends({ template }: Node, frame: Names): void {
    this._emit('parentTemplate = linker.template(')
    this._compileExpression(template, frame)
    this._emitLine(');')
    this._emitLine(
      'for (var name in parentTemplate.blocks) context.addBlock(name, parentTemplate.blocks[name]);',
    )
  }

  override compileBlock({ name }: Node): void {
    if (!this.inBlock) this._emit('if (!parentTemplate) ')
    this._emitLine(`${this.buffer} += context.getBlock("${name?.value}")(context, frame);`)
  }
}

function lookupOf(name: string): string {
  const found = `typeof value === "function" ? runtime.memberLookup(of, ${name}) : value`
  return `function (of) { var value = of?.[${name}]; return ${found}; }`
}

const SEEING_LOOP = ['Include', 'Import', 'FromImport', 'Block']

function mayUseLoop(body: Node): boolean {
  return body
    .findAll(nodes.Node)
    .some(
      ({ typename, value }) => SEEING_LOOP.includes(typename) || (typename === 'Symbol' && value === 'loop'),
    )
}
