import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { KEYS } from '../../db/migrations/index.js'
import { LIMITS } from '../../src/accounts/limit-rules.js'
import { root } from '../../src/base/package.js'
import { commands } from '../../src/commands/index.js'
import { added } from '../../src/features/index.js'
import { blocksOf, type Document, documentAt, documents, proseOf } from '../support/documents.js'
import { commandsIn, NOT_RUN } from '../support/shell-blocks.js'

const test = suite('names in the docs')

/** Pages about former names, or about names that a reader may choose. */
const ABOUT_OTHERS = ['CHANGELOG.md', 'docs/words.md', 'docs/adding-a-flow.md']
/** Variables of other programs and of the tests. */
const OTHER_VARIABLES = [
  ...['NODE_COMPILE_CACHE', 'NODE_EXTRA_CA_CERTS', 'PGPASSWORD', 'TEST_DATABASE_URL'],
  ...['POSTGRES_USER', 'POSTGRES_DB', 'POSTGRES_PASSWORD'],
]

const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const example = readFileSync(join(root, '.env.example'), 'utf8')
const variables = [...example.matchAll(/^#?([A-Z][A-Z_]+)=/gm)].map(([, name = '']) => name)
const pages = documents.filter(({ path }) => !ABOUT_OTHERS.includes(path))

/** Returns the code in the prose, each command of the shell blocks, and each line of the settings. */
function codeIn(page: Document): string[] {
  const inline = [...proseOf(page).matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code)
  const lines = blocksOf(page)
    .filter(({ language }) => ['sh', 'ini'].includes(language))
    .flatMap(({ text }) => commandsIn(text))
  return [...inline, ...lines]
}

async function helps(): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const [name, load] of commands) {
    const { command } = await load()
    found.set(name, command.help)
    for (const subcommand of command.subcommands ?? [])
      found.set(`${name} ${subcommand.name}`, subcommand.help)
  }
  return found
}

for (const page of pages) {
  const code = codeIn(page)

  test(`${page.path} names commands and options that exist`, async () => {
    const known = await helps()
    for (const text of code) {
      const [, call = ''] =
        /(?:^(?:npx --no )?gatehouse|\bdist\/src\/cli\.js) (?!<)([a-z].*)$/.exec(text) ?? []
      if (call === '') continue
      const [name = '', part = ''] = call.split(' ')
      const help = known.get(`${name} ${part}`) ?? known.get(name)
      assert.ok(help, text)
      for (const [option] of call.matchAll(/--[a-z][\w-]*/g)) assert.ok(help.includes(option), text)
    }
  })

  test(`${page.path} names scripts, variables and files that exist`, () => {
    const named = (pattern: RegExp) =>
      code.flatMap((text) => [...text.matchAll(pattern)]).map(([, name = '']) => name)
    const missing = [
      ...named(/\bnpm run ([\w:]+)/g).filter((name) => scripts[name] === undefined),
      ...named(/^([A-Z][A-Z]*_[A-Z_]+)(?==|$)/g).filter(
        (name) => ![...variables, ...OTHER_VARIABLES].includes(name) && !name.startsWith('LIMIT_'),
      ),
      ...named(
        /(?:^|[ ])((?:src|test|docs|templates|public|db)\/[\w./-]*\w\.(?:ts|md|html|txt|css|json|js|yaml)(?!\w))/g,
      ).filter((path) => !existsSync(join(root, path))),
      ...named(/\bdist\/((?:src|test)\/[\w/-]+)\.js/g).filter(
        (path) => !existsSync(join(root, `${path}.ts`)),
      ),
    ]
    assert.equal(missing, [])
  })
}

test('docs/configuration.md has a row for every variable of .env.example', () => {
  const rows =
    proseOf(documentAt('docs/configuration.md'))
      .match(/^\|.*\|$/gm)
      ?.join('\n') ?? ''
  assert.ok(variables.length > 40)
  assert.equal(
    variables.filter((name) => !rows.includes(`\`${name}\``)),
    [],
  )
})

test('docs/configuration.md has a row for every rate limit', () => {
  const { text } = documentAt('docs/configuration.md')
  const names = Object.keys({ ...LIMITS, ...added.limits }).map(
    (name) => `LIMIT_${name.replaceAll(/[A-Z]/g, '_$&').toUpperCase()}`,
  )
  assert.equal(
    names.filter((name) => !text.includes(`| \`${name}\` |`)),
    [],
  )
})

test('docs/configuration.md has a row for every option of accounts()', () => {
  const rows =
    proseOf(documentAt('docs/configuration.md'))
      .match(/^\| `[a-z].*\|$/gm)
      ?.join('\n') ?? ''
  const source = readFileSync(join(root, 'src/options.ts'), 'utf8')
  const [, options = ''] = /interface AccountsOptions \{\n(.*?)^\}/ms.exec(source) ?? []
  const names = [...options.matchAll(/^ {2}(\w+)\??:/gm)].map(([, name = '']) => name)
  assert.ok(names.length > 25)
  assert.equal(
    names.filter((name) => !rows.includes(`\`${name}\``)),
    [],
  )
})

test('docs/languages.md translates texts and messages that exist', () => {
  const example = blocksOf(documentAt('docs/languages.md')).find(({ language }) => language === 'json')
  const { texts, messages } = JSON.parse(example?.text ?? '')
  const english = JSON.parse(readFileSync(join(root, 'templates/languages/en.json'), 'utf8'))
  assert.equal(
    Object.keys(texts).filter((text) => english.texts[text] === undefined),
    [],
  )
  assert.equal(
    Object.keys(messages).filter((code) => english.messages[code] === undefined),
    [],
  )
})

test('docs/mounting.md names every table', () => {
  const { text } = documentAt('docs/mounting.md')
  assert.equal(
    Object.keys(KEYS).filter((name) => !text.includes(`\`${name}\``)),
    [],
  )
})

test('every reason not to run a command applies to one', () => {
  const all = documents.flatMap(blocksOf).filter(({ language }) => language === 'sh')
  const found = all.flatMap(({ text }) => commandsIn(text))
  assert.equal(
    NOT_RUN.filter(({ what }) => !found.some((command) => what.test(command))),
    [],
  )
})

test.run()
