import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../../src/base/package.js'
import { commands, help } from '../../src/commands/index.js'

/*
 * The second part of docs/commands.md is the help of the commands: `npm run commands` writes it, and this test fails when it is
 * out of date.
 */
const test = suite('docs/commands.md')
const FILE = join(root, 'docs', 'commands.md')

const GENERATED = '## All commands\n\n`npm run commands` writes this part from the help of the commands.\n'
const [prose = ''] = readFileSync(FILE, 'utf8').split(GENERATED)

async function helps(): Promise<Map<string, string>> {
  const found = new Map([['gatehouse', await help()]])
  for (const load of commands.values()) {
    const { command } = await load()
    found.set(`gatehouse ${command.name}`, command.help)
    for (const subcommand of command.subcommands ?? [])
      found.set(`gatehouse ${command.name} ${subcommand.name}`, subcommand.help)
  }
  return found
}

async function written(): Promise<string> {
  const sections = [...(await helps())].map(
    ([call, text]) => `\n### ${call}\n\n\`\`\`text\n${text}\n\`\`\`\n`,
  )
  return [prose, GENERATED, ...sections].join('')
}

test('contains the help of every command', async () => {
  const text = await written()
  if (process.env.COMMANDS) writeFileSync(FILE, text)
  assert.is(readFileSync(FILE, 'utf8'), text, 'npm run commands writes it')
})

test('every help begins with the usage and fits into 80 columns', async () => {
  const found = await helps()
  assert.ok(found.size > 20)
  for (const [call, text] of found) {
    assert.ok(text.startsWith(`Usage: ${call} `), call)
    for (const line of text.split('\n')) assert.ok([...line].length <= 80, line)
  }
})

test('every example names a command and options that exist', async () => {
  const found = await helps()
  const calls = [...prose.matchAll(/^(gatehouse \w+ [\w-]+)(.*)$/gm)]
  assert.is(calls.length, 15)
  for (const [line, call = '', rest = ''] of calls) {
    const text = found.get(call) ?? ''
    assert.match(text, `Usage: ${call} `)
    for (const [option] of rest.matchAll(/--[\w-]+/g)) assert.match(text, option, line)
  }
})

test.run()
