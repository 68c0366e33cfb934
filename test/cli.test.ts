import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MINUTE } from '../src/base/durations.js'
import { assertRefused, callGatehouse, type Outcome } from './support/calling.js'
import { Site, until } from './support/helpers.js'
import { TestMailServer } from './support/mail-server.js'

interface Context {
  server: TestMailServer
  site: Site
}

const test = suite<Context>('the gatehouse command')

test.before.each(async (context) => {
  context.server = await TestMailServer.start()
  context.site = await Site.start({ environment: environmentOf(context) })
})

test.after.each(async ({ server, site }) => {
  await server.stop()
  await site.close()
})

function environmentOf({ server }: Pick<Context, 'server'>): Record<string, string> {
  return { SMTP_URL: server.url(), BASE_URL: 'http://127.0.0.1:3000' }
}

/** Calls gatehouse with the settings of the site. */
function call(context: Context, args: string[], changes: Record<string, string> = {}): Promise<Outcome> {
  const { database } = context.site
  return callGatehouse(args, { database, settings: { ...environmentOf(context), ...changes }, apart: true })
}

/** Creates one user whose email has failed, and one whose email is waiting. */
async function withFailedAndWaiting(context: Context): Promise<{ failed: string }> {
  const { server, site } = context
  server.refuse('Anna@example.com', 550)
  await site.visitor().signUp('Anna')
  await until(async () => (await problems(site)).length === 1, 'the first refusal')
  site.clock.advance(MINUTE)
  const failed = () => site.rows<{ id: string }>("select id from mails where state = 'failed'")
  await until(async () => (await failed()).length === 1, 'the mail is given up')
  server.refuse('Bela@example.com', 451)
  await site.visitor().signUp('Bela')
  await until(async () => (await problems(site)).length === 2, 'the other mail waits')
  const [mail] = await failed()
  return { failed: mail?.id ?? '' }
}

function problems(site: Site): Promise<unknown[]> {
  return site.rows("select id from mails where problem <> ''")
}

test('help lists the commands and the usage of each', async (context) => {
  const all = await call(context, ['--help'])
  assert.is(all.code, 0)
  assert.match(all.stdout, /^ +mails +List emails/m)
  assert.match(all.stdout, /^ +users +List, show/m)
  for (const args of [
    ['mails', '--help'],
    ['mails', 'resend', '-h'],
  ]) {
    const help = await call(context, args)
    assert.is(help.code, 0)
    assert.match(help.stdout, /^Usage: gatehouse mails \[--json\]$/m)
    assert.match(help.stdout, /^ +gatehouse mails resend <id>$/m)
  }
})

test('wrong usage gets one sentence', async (context) => {
  assertRefused(await call(context, []), 2, /gatehouse --help/)
  assertRefused(await call(context, ['letters']), 2, /^Unknown command: gatehouse letters\. Run/)
  assertRefused(await call(context, ['--verbose']), 2, /^Unknown command: gatehouse --verbose\. Run/)
  assertRefused(await call(context, ['mails', '--verbose']), 2, /--verbose/)
  assertRefused(await call(context, ['mails', '--json=yes']), 2, /--json/)
  assertRefused(
    await call(context, ['mails', 'burn']),
    2,
    /^Unknown command: gatehouse mails burn\. Run gatehouse mails --help/,
  )
  assertRefused(await call(context, ['mails', 'resend']), 2, /resend <id>/)
  assertRefused(await call(context, ['mails', 'resend', 'a', 'b']), 2, /resend <id>/)
})

test('wrong settings are named, and nothing is created', async (context) => {
  assertRefused(await call(context, ['mails'], { TRUST_PROXY: 'yes' }), 1, /^TRUST_PROXY /)
  const missing = join(import.meta.dirname, 'nowhere', 'nowhere.sqlite')
  assertRefused(
    await call(context, ['mails'], { DATABASE_URL: `sqlite:${missing}` }),
    1,
    /^Database not found: /,
  )
})

test('mails: says that no emails are waiting', async (context) => {
  const { code, stdout } = await call(context, ['mails'])
  assert.is(code, 0)
  assert.is(stdout, 'No emails are waiting, and none have failed.\n')
  assert.is((await call(context, ['mails', '--json'])).stdout, '[]\n')
})

test('mails: lists waiting and failed emails with their recipients', async (context) => {
  const { failed } = await withFailedAndWaiting(context)
  const { code, stdout, stderr } = await call(context, ['mails'])
  assert.is(code, 0, stderr)
  const [head = '', ...lines] = stdout.trimEnd().split('\n')
  assert.is(lines.length, 2)
  const line = lines.find((one) => one.startsWith(failed)) ?? ''
  assert.match(
    line,
    /email-confirm +Anna@example\.com +failed +2 +2026-01-01T00:01:00\.000Z +Can't send mail.*550/,
  )
  for (const title of ['KIND', 'TO', 'STATE', 'ATTEMPTS', 'PROBLEM']) {
    const column = head.indexOf(title)
    for (const one of lines) assert.match(one.slice(column - 2, column + 1), /^ {2}\S/, 'columns are aligned')
  }
  const rows: { id: string; to: string; state: string; tries: number; at: string; problem: string }[] =
    JSON.parse((await call(context, ['mails', '--json'])).stdout)
  assert.equal(rows.map(({ to, state }) => `${to} ${state}`).sort(), [
    'Anna@example.com failed',
    'Bela@example.com waiting',
  ])
  assert.equal(Object.keys(rows[0] ?? {}), ['id', 'kind', 'to', 'state', 'tries', 'at', 'problem'])
})

test('mails: leaves out recipients if the key is missing', async (context) => {
  const { failed } = await withFailedAndWaiting(context)
  const { stdout } = await call(context, ['mails'], {
    SESSION_KEYS: Buffer.alloc(32, 9).toString('base64url'),
  })
  assert.match(stdout, failed)
  assert.not.match(stdout, /anna|bela/i)
})

test('mails resend: sends a failed email again with a new link', async (context) => {
  const { server, site } = context
  const { failed } = await withFailedAndWaiting(context)
  const [old] = await site.rows<{ hash: string }>('select hash from tokens order by created_at')
  server.refuse('Anna@example.com', 550, 0)
  const { code, stdout, stderr } = await call(context, ['mails', 'resend', failed])
  assert.is(code, 0, stderr)
  assert.match(stdout, failed)
  // The command uses the real clock, the site in this process does not.
  site.clock.time = Date.now() + MINUTE
  const [received] = await server.mails(1, 'Anna@example.com')
  assert.is(received?.mail.messageId, `<${failed}@127.0.0.1>`)
  const tokens = await site.rows<{ hash: string }>('select hash from tokens order by created_at')
  assert.is(tokens.length, 3)
  assert.is(tokens[0]?.hash, old?.hash)
})

test('mails resend: refuses an email that has not failed', async (context) => {
  await withFailedAndWaiting(context)
  const [waiting] = await context.site.rows<{ id: string }>("select id from mails where state = 'waiting'")
  for (const id of ['nothing', waiting?.id ?? '']) {
    assertRefused(await call(context, ['mails', 'resend', id]), 1, /^No failed email has the id /)
  }
  assertRefused(await call(context, ['mails', 'resend', '--', '-x']), 1, /^No failed email has the id -x\./)
  const off = { MAIL: 'off' }
  assertRefused(await call(context, ['mails', 'resend', 'nothing'], off), 1, /MAIL=off/)
})

test.run()
