import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../../src/base/package.js'
import { commands, help } from '../../src/commands/index.js'

/*
 * docs/commands.md is made from the help of the commands: `npm run commands` writes it, and this test fails when it
 * is out of date.
 */
const test = suite('docs/commands.md')
const FILE = join(root, 'docs', 'commands.md')

const EXAMPLES = `# Manage users from the terminal

Find a user, and see everything stored about them except secrets:

\`\`\`sh
gatehouse users list --search anna
gatehouse users show anna@example.com
\`\`\`

Create an account. The user gets an email with a link to choose a password:

\`\`\`sh
gatehouse users create Anna anna@example.com --confirmed
\`\`\`

Disable an account, and enable it again:

\`\`\`sh
gatehouse users disable Anna --reason "Reported for spam"
gatehouse users enable Anna
\`\`\`

Help a user whose password is known to someone else. All their sessions end, and they get an email with a link to choose a new one:

\`\`\`sh
gatehouse users reset Anna
\`\`\`

Delete a user and all their data:

\`\`\`sh
gatehouse users delete Anna
\`\`\`

Run the commands as the user the site runs as, with the same environment or in the folder with its \`.env\` file. If Gatehouse is a
package of your app, begin each call with \`npx --no\`, as in \`npx --no gatehouse users list\`. In this repository, call
\`node dist/src/cli.js users list\`.

## Exit codes

| Code | Means |
|---|---|
| 0 | Done |
| 1 | Not done, or done and there is something to look at: \`gatehouse check\` found something wrong, \`migrate --check\` found missing migrations, \`templates --diff\` found outdated overrides. One sentence on standard error or the output says what |
| 2 | The call was wrong: an unknown command, option or value. One sentence on standard error says what |

Output for programs comes with \`--json\`. Its keys and the exit codes do not change within a major version; sentences may.

## All commands

This part is written by \`npm run commands\`, from the help of the commands.
`

async function helps(): Promise<Map<string, string>> {
  const found = new Map([['gatehouse', await help()]])
  for (const load of commands.values()) {
    const { command } = await load()
    found.set(`gatehouse ${command.name}`, command.help)
    for (const part of command.parts ?? []) found.set(`gatehouse ${command.name} ${part.name}`, part.help)
  }
  return found
}

async function written(): Promise<string> {
  const sections = [...(await helps())].map(
    ([call, text]) => `\n### ${call}\n\n\`\`\`text\n${text}\n\`\`\`\n`,
  )
  return [EXAMPLES, ...sections].join('')
}

test('contains the help of every command', async () => {
  const text = await written()
  if (process.env.COMMANDS) writeFileSync(FILE, text)
  assert.is(readFileSync(FILE, 'utf8'), text, 'npm run commands writes it')
})

test('every help begins with how to call the command and fits into 80 columns', async () => {
  const found = await helps()
  assert.ok(found.size > 20)
  for (const [call, text] of found) {
    assert.ok(text.startsWith(`Usage: ${call} `), call)
    for (const line of text.split('\n')) assert.ok([...line].length <= 80, line)
  }
})

test('every example names a command and options that exist', async () => {
  const found = await helps()
  const calls = [...EXAMPLES.matchAll(/^(gatehouse \w+ \w+)(.*)$/gm)]
  assert.is(calls.length, 7)
  for (const [line, call = '', rest = ''] of calls) {
    const text = found.get(call) ?? ''
    assert.match(text, `Usage: ${call} `)
    for (const [option] of rest.matchAll(/--[\w-]+/g)) assert.match(text, option, line)
  }
})

test.run()
