import type nunjucks from 'nunjucks'

// What @types/nunjucks leaves out.
declare module 'nunjucks' {
  interface Environment {
    globals: Record<string, unknown>
    opts: ConfigureOptions
  }
  namespace nodes {
    class Node {
      typename: string
      findAll(type: typeof Node): Node[]
      value?: unknown
      children?: Node[]
      name?: Node
      args?: Node
      body?: Node
      key?: Node
      template?: Node
      target?: Node
      names?: Node
      val?: Node
      withContext?: boolean
      ignoreMissing?: boolean
    }
  }
  namespace parser {
    function parse(text: string, extensions: readonly unknown[], options: ConfigureOptions): nodes.Node
  }
  namespace compiler {
    class Compiler {
      constructor(templateName: string, throwOnUndefined: boolean)
      buffer: string | null
      inBlock: boolean
      compile(node: nodes.Node, frame?: runtime.Frame): void
      getCode(): string
      compileRoot(root: nodes.Node): void
      compileFunCall(node: nodes.Node, frame: runtime.Frame): void
      compileLookupVal(node: nodes.Node, frame: runtime.Frame): void
      compileInclude(node: nodes.Node, frame: runtime.Frame): void
      compileImport(node: nodes.Node, frame: runtime.Frame): void
      compileFromImport(node: nodes.Node, frame: runtime.Frame): void
      compileExtends(node: nodes.Node, frame: runtime.Frame): void
      compileBlock(node: nodes.Node): void
      _emit(code: string): void
      _emitLine(code: string): void
      _emitLoopBindings(node: nodes.Node, list: string, index: string, length: string): void
      _tmpid(): string
      _withScopedSyntax(compile: () => void): void
      _compileChildren(node: nodes.Node, frame: runtime.Frame): void
      _compileExpression(node: nodes.Node | undefined, frame: runtime.Frame): void
      _compileAggregate(node: nodes.Node | undefined, frame: runtime.Frame, start: string, end: string): void
    }
  }
  namespace runtime {
    function suppressValue(value: unknown, autoescape: boolean): unknown
    class Frame {
      parent: Frame | undefined
      topLevel: boolean
      push(isolateWrites?: boolean): Frame
      lookup(name: string): unknown
      set(name: string, value: unknown): void
    }
  }
}

export type Node = nunjucks.nodes.Node
export type Names = nunjucks.runtime.Frame
