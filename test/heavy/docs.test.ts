import { cpSync, mkdirSync, rmSync } from 'node:fs'
import Database from 'better-sqlite3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DAY } from '../../src/base/durations.js'
import { blocksOf, documents } from '../support/documents.js'
import { addressOf, type Program } from '../support/program.js'
import { commandsIn, NOT_RUN } from '../support/shell-blocks.js'
import { Checkout } from './checkout.js'

/*
 * Runs the commands of the README and the docs, page by page and in order, in a copy of the project. Each page begins
 * with the same site: one user and one failed email. Commands that cannot run here are in NOT_RUN.
 */
const test = suite('commands of the docs')

const SITE = /\bnode --enable-source-maps dist\/src\/site\.js$|\bnpm (?:start|run dev)$/
const TOKEN = 'a-token-of-16-characters'
const PASSWORD = 'correct horse 42'
const ENVIRONMENT = { HOST: '127.0.0.1', PORT: '0', LOG_LEVEL: 'error', METRICS_TOKEN: TOKEN }

/** What must happen before a command, and would need a person or much time. */
const BEFORE = [
  { what: / keys drop <id>$/, sql: `update keys set sealed_at = ${Date.now() - 500 * DAY}` },
  { what: / two-step \w+ --off$/, sql: `update users set second_step_at = ${Date.now()}` },
]

const checkout = new Checkout()

test.before(async () => {
  await stopped(await started('node dist/src/site.js'))
  await done(`echo '${PASSWORD}' | gatehouse users create Vera vera@example.com --password-stdin`)
  await done('gatehouse users reset Vera')
  write("update mails set state = 'failed'")
  cpSync(checkout.path('db/data'), checkout.path('site'), { recursive: true })
})
test.after(() => checkout.remove())

for (const page of documents) {
  const commands = blocksOf(page)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text }) => commandsIn(text))
    .filter((command) => !NOT_RUN.some(({ what }) => what.test(command)))
  if (commands.length > 0) test(`${page.path}: every command works`, () => runAll(commands))
}

async function runAll(commands: readonly string[]): Promise<void> {
  for (const name of ['db/data', 'my-templates', 'backups', '.env'])
    rmSync(checkout.path(name), { recursive: true, force: true })
  cpSync(checkout.path('site'), checkout.path('db/data'), { recursive: true })
  mkdirSync(checkout.path('backups'))
  for (const command of commands) await runOne(command)
}

async function runOne(command: string): Promise<void> {
  for (const { what, sql } of BEFORE) if (what.test(command)) write(sql)
  if (SITE.test(command)) return await stopped(await started(command))
  if (command === 'systemctl restart gatehouse') return await stopped(await started('node dist/src/site.js'))
  if (!command.includes('http://127.0.0.1:3000/')) return void (await done(await filledIn(command)))
  const site = await started('node dist/src/site.js')
  assert.match(await done(command.replace('http://127.0.0.1:3000', await addressOf(site))), /200|^# HELP/m)
  await stopped(site)
}

/** Replaces the reader's paths by those of the checkout, and `<id>` by an id. */
async function filledIn(command: string): Promise<string> {
  const here = command
    .replaceAll('/backups/', checkout.path('backups/'))
    .replaceAll('/tmp/trial.sqlite', checkout.path('backups/trial.sqlite'))
    .replaceAll('$(date +%F)', '2026-01-01')
    .replace(/(users delete \w+)$/, '$1 --yes') // Without a terminal there is no question.
  return here.includes('<id>') ? here.replace('<id>', await idFor(command)) : here
}

async function idFor(command: string): Promise<string> {
  if (!command.includes(' keys ')) return JSON.parse(await done('gatehouse mails --json')).at(-1).id
  const keys: { id: string; neededBy: string[] }[] = JSON.parse(await done('gatehouse keys list --json'))
  const [, ...old] = keys
  return (old.find(({ neededBy }) => neededBy.length === 0) ?? old.at(-1))?.id ?? ''
}

async function done(command: string): Promise<string> {
  const program = checkout.shell(command, ENVIRONMENT)
  assert.is(await program.end, 0, `${command}\n${program.stdout}${program.stderr}`)
  return program.stdout
}

function write(sql: string): void {
  const database = new Database(checkout.path('db/data/gatehouse.sqlite'))
  database.exec(sql)
  database.close()
}

async function started(command: string): Promise<Program> {
  const site = checkout.shell(command, ENVIRONMENT)
  const page = await fetch(await addressOf(site))
  assert.is(page.status, 200, command)
  return site
}

/** Signals the whole process group, as Ctrl-C in a terminal does. */
async function stopped({ pid, end }: Program): Promise<void> {
  if (pid !== undefined) process.kill(-pid, 'SIGINT')
  await end
}

test.run()
