import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../../src/base/package.js'
import { RULES } from '../../src/server/option-rules.js'

/*
 * docs/options.md comes from the doc comments in src/options.ts: `npm run options` writes it, and this test fails when it is out
 * of date, or when the schema knows another option.
 */
const test = suite('docs/options.md')
const FILE = join(root, 'docs', 'options.md')

interface Option {
  name: string
  type: string
  about: string
}

function optionsIn(source: string): Option[] {
  const [, body = ''] = /interface AccountsOptions \{\n(.*?)^\}/ms.exec(source) ?? []
  const members = body.matchAll(/^ {2}\/\*\*(.*?)\*\/\n {2}(\w+)\??: (.*?)$/gms)
  return [...members].map(([, comment = '', name = '', type = '']) => ({
    name,
    type: type.replace(/ \| undefined$/, ''),
    about: comment.replaceAll(/\s*\n\s*\*\s?/g, ' ').trim(),
  }))
}

function variableOf(name: string, variables: readonly string[]): string {
  const variable = name.replaceAll(/[A-Z]/g, '_$&').toUpperCase()
  return variables.includes(variable) ? `\`${variable}\`` : ''
}

function written(options: readonly Option[]): string {
  const example = readFileSync(join(root, '.env.example'), 'utf8')
  const variables = [...example.matchAll(/^#?([A-Z_]+)=/gm)].map(([, name = '']) => name)
  return [
    '# Look up an option of `accounts()`',
    '',
    '`npm run options` writes this page from [src/options.ts](../src/options.ts). Variables with another name, and options that belong together, are in',
    '[configuration.md](configuration.md#options-of-accounts).',
    '',
    '| Option | Type | What it sets | Variable of the same name |',
    '|---|---|---|---|',
    ...options.map(({ name, type, about }) =>
      ['', ` \`${name}\` `, ` \`${type}\` `, ` ${about} `, ` ${variableOf(name, variables)} `, '']
        .map((cell) => cell.replaceAll(/(?<!\\)\|/g, '\\|'))
        .join('|'),
    ),
    '',
  ].join('\n')
}

const options = optionsIn(readFileSync(join(root, 'src/options.ts'), 'utf8'))

test('lists the options of the schema, each with what it sets', () => {
  assert.equal(options.map(({ name }) => name).sort(), Object.keys(RULES).sort())
  assert.equal(
    options.filter(({ about }) => about.length < 10),
    [],
  )
})

test('is what npm run options writes', () => {
  const text = written(options)
  if (process.env.OPTIONS) writeFileSync(FILE, text)
  assert.is(existsSync(FILE) && readFileSync(FILE, 'utf8'), text, 'npm run options writes it')
})

test.run()
