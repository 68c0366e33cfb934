import { readdirSync } from 'node:fs'
import nunjucks from 'nunjucks'

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
}

/** Throws, with the template's name and line, if one of the templates does not compile. */
export function createViews({ folders, globals, reload }: ViewsOptions): Views {
  const environment = new nunjucks.Environment(
    new nunjucks.FileSystemLoader([...folders], { noCache: reload }),
    { autoescape: true, throwOnUndefined: true, trimBlocks: true, lstripBlocks: true },
  )
  for (const [name, value] of Object.entries(globals)) environment.addGlobal(name, value)
  const compileAll = () => {
    for (const name of templatesIn(folders)) environment.getTemplate(name, true)
  }
  if (!reload) compileAll()
  return {
    render(template, values) {
      // A template that does not compile throws from a timer when it is included: no handler of ours would be asked.
      if (reload) inShort(compileAll)
      return inShort(() => environment.render(template, values))
    },
  }
}

// Nunjucks names every template on the way to the one that is wrong; the last one, and what follows it, says it all.
function inShort<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const lines = error.message.split('\n').map((line) => line.trim().replace('Template render error: ', ''))
    const last = lines.findLastIndex((line) => /^\(.*\)/.test(line))
    throw new Error(lines.slice(Math.max(last, 0)).join(': '), { cause: error })
  }
}

function templatesIn(folders: readonly string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.html'))
      .map((name) => name.replaceAll('\\', '/')),
  )
}
