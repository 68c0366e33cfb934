import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { AccountEvent, AccountsInCode, StoredUser } from '../../src/index.js'
import { Mailbox } from '../../src/testing.js'
import { callGatehouse } from '../support/calling.js'
import { rows, write } from '../support/databases.js'
import { asRead, PASSWORD, until } from '../support/helpers.js'
import { Host, type HostOptions } from '../support/host.js'

const test = suite<{ host: Host; accounts: AccountsInCode; told: AccountEvent[]; mailbox: Mailbox }>(
  'accounts in code',
)

const ADMIN = { by: 'admin:7', address: '192.0.2.7', userAgent: 'Admin browser' } as const

async function start(options: HostOptions = {}) {
  const told: AccountEvent[] = []
  const mailbox = new Mailbox()
  const host = await Host.start({
    mail: mailbox,
    baseUrl: 'http://localhost',
    onEvent: (event) => void told.push(event),
    ...options,
  })
  return { host, accounts: host.gatehouse.accounts, told, mailbox }
}

test.before.each(async (context) => void Object.assign(context, await start()))
test.after.each(({ host }) => host.close())

async function created(accounts: AccountsInCode, name: string, more = {}): Promise<StoredUser> {
  const outcome = await accounts.create({
    name,
    email: `${name}@example.com`,
    password: PASSWORD,
    confirmed: true,
    ...more,
  })
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.errors))
  return outcome.user
}

async function refusalOf(refused: Promise<unknown>): Promise<string> {
  return refused.then(() => 'done', String)
}

function history(host: Host, id: string) {
  return rows(
    host.database,
    'select kind, about, actor, address from events where user_id = ? order by id',
    id,
  )
}

test('create follows the rules of sign-up, and finders find the account', async ({ host, accounts }) => {
  const anna = await created(accounts, 'Anna')
  assert.equal(await accounts.byId(anna.id), anna)
  assert.equal(await accounts.byName(' ANNA '), anna)
  assert.equal(await accounts.byEmail('anna@EXAMPLE.com'), anna)
  assert.is(await accounts.byId('nobody'), undefined)
  assert.is(await accounts.byName('Bela'), undefined)
  assert.equal(await accounts.create({ name: 'anna', email: 'x', password: 'k7#qz' }).then(codesOf), [
    'username_taken',
    'email_invalid',
    'password_short',
  ])
  const visitor = host.visitor()
  await host.logIn(visitor, 'Anna')
  assert.is((await visitor.open('/members/account/')).status, 200)
})

function codesOf(outcome: Awaited<ReturnType<AccountsInCode['create']>>) {
  return outcome.ok ? [] : outcome.errors.map(({ code }) => code)
}

test('returned users have no hash, token or stamp', async ({ accounts }) => {
  const anna = await created(accounts, 'Anna')
  const { users } = await accounts.list()
  for (const user of [anna, ...users, ...(await accounts.byIds([anna.id])).values()]) {
    assert.not.match(JSON.stringify(user), /argon2|hash|stamp|token/i)
  }
})

test('without a password the user gets a link to choose one', async ({ accounts, mailbox }) => {
  await accounts.create({ name: 'Anna', email: 'anna@example.com' })
  const [mail] = await mailbox.waitFor('anna@example.com')
  assert.match(mail?.links.join() ?? '', '/members/password/reset/')
})

test('byIds finds many users with one query, and leaves out unknown ids', async ({ accounts }) => {
  const [anna, bela] = [await created(accounts, 'Anna'), await created(accounts, 'Bela')]
  const found = await accounts.byIds([anna.id, bela.id, anna.id, 'nobody'])
  assert.equal([...found.keys()].sort(), [anna.id, bela.id].sort())
  assert.equal(found.get(bela.id), bela)
  assert.is((await accounts.byIds([])).size, 0)
  const tooMany = await refusalOf(accounts.byIds(idsUpTo(10_001)))
  assert.match(tooMany, 'at most 10000 ids')
  assert.is((await accounts.byIds(idsUpTo(10_000))).size, 0)
})

function idsUpTo(count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(index))
}

test('list continues where the previous page ended', async ({ accounts, host }) => {
  for (const name of ['Anna', 'Bela', 'Cleo']) {
    await created(accounts, name)
    host.clock.advance(1)
  }
  const first = await accounts.list({ limit: 2 })
  assert.equal(namesIn(first), ['Anna', 'Bela'])
  const second = await accounts.list({ limit: 2, after: first.next })
  assert.equal(namesIn(second), ['Cleo'])
  assert.is(second.next, null)
  assert.equal(namesIn(await accounts.list({ search: 'BEL' })), ['Bela'])
  assert.match(await refusalOf(accounts.list({ after: 'x' })), 'after must be')
  assert.match(await refusalOf(accounts.list({ limit: 1001 })), 'limit must be')
})

function namesIn({ users }: { users: readonly { name: string }[] }): string[] {
  return users.map(({ name }) => name)
}

test('disable and enable store the same events as the commands, with the actor', async ({
  accounts,
  host,
  told,
}) => {
  const anna = await created(accounts, 'Anna')
  const visitor = host.visitor()
  await host.logIn(visitor, 'Anna')
  host.clock.advance(1)
  assert.is(await accounts.disable(anna.id, { reason: 'Spam', ...ADMIN }), true)
  assert.is(await accounts.disable(anna.id), false, 'already')
  assert.is((await visitor.open('/members/account/')).status, 303)
  assert.is(await accounts.enable(anna.id), true)
  assert.is(await accounts.enable('nobody'), false)
  host.clock.advance(1)
  await callGatehouse(['users', 'disable', 'Anna', '--reason', 'Spam'], { database: host.database })
  const disabled = (await history(host, anna.id)).filter(
    (event) => Reflect.get(Object(event), 'kind') === 'account_disabled',
  )
  assert.equal(disabled, [
    { kind: 'account_disabled', about: 'Spam', actor: 'admin:7', address: '192.0.2.7' },
    { kind: 'account_disabled', about: 'Spam', actor: 'cli:users disable', address: '' },
  ])
  assert.equal(
    told.filter(({ kind }) => /abled$/.test(kind)).map(({ kind, by }) => [kind, by]),
    [
      ['account_disabled', 'admin:7'],
      ['account_enabled', 'host'],
    ],
  )
  assert.match(await refusalOf(accounts.disable(anna.id, { reason: 'two\nlines' })), 'reason must be')
})

test('rename follows the rules of usernames, but has no limit', async ({ accounts, mailbox }) => {
  const anna = await created(accounts, 'Anna')
  await created(accounts, 'Bela')
  const errors = await accounts.rename(anna.id, 'bela')
  assert.equal(
    errors.map(({ code }) => code),
    ['username_taken'],
  )
  for (const name of ['Anna 1', 'Anna 2', 'Anna 3', 'Anna 4', 'Anna 5', 'Anna 6', 'Anna 7']) {
    assert.equal(await accounts.rename(anna.id, name), [])
  }
  assert.is((await accounts.byId(anna.id))?.name, 'Anna 7')
  const [mail] = await mailbox.waitFor('Anna@example.com')
  assert.match(mail?.text ?? '', 'By the people who run this site')
  assert.match(await refusalOf(accounts.rename('nobody', 'Cleo')), 'No user found: nobody.')
})

test('changeEmail takes effect once its link is opened', async ({ accounts, mailbox, host }) => {
  const anna = await created(accounts, 'Anna')
  assert.equal(await accounts.changeEmail(anna.id, 'new@example.com'), [])
  const [mail] = (await mailbox.waitFor('new@example.com')).map(asRead)
  assert.is((await accounts.byId(anna.id))?.nextEmail, 'new@example.com')
  const visitor = host.visitor()
  assert.ok(mail)
  await visitor.send(await visitor.follow(mail), { password: PASSWORD })
  assert.is((await accounts.byId(anna.id))?.email, 'new@example.com')
})

test('confirm works once, without a link', async ({ accounts, host }) => {
  const anna = await created(accounts, 'Anna', { confirmed: false })
  assert.is(await accounts.confirm(anna.id, ADMIN), true)
  assert.is(await accounts.confirm(anna.id), false)
  assert.is(await accounts.confirm('nobody'), false)
  assert.ok((await accounts.byId(anna.id))?.emailConfirmedAt)
  assert.equal((await history(host, anna.id)).at(-1), {
    kind: 'email_confirmed',
    about: null,
    actor: 'admin:7',
    address: '192.0.2.7',
  })
})

test('setEmail changes the address immediately, and the previous one can undo it', async ({
  accounts,
  mailbox,
  host,
}) => {
  const anna = await created(accounts, 'Anna')
  await created(accounts, 'Bela')
  const codes = (await accounts.setEmail(anna.id, 'bela@example.com')).map(({ code }) => code)
  assert.equal(codes, ['email_taken'])
  assert.equal(await accounts.setEmail(anna.id, ' new@example.com ', ADMIN), [])
  const changed = await accounts.byId(anna.id)
  assert.is(changed?.email, 'new@example.com')
  assert.is(changed?.emailConfirmedAt, host.clock.time)
  const mails = await mailbox.waitFor('Anna@example.com')
  assert.match(mails.at(-1)?.links.join() ?? '', '/email/undo/')
  assert.match(
    JSON.stringify(await history(host, anna.id)),
    'Anna@example.com → new@example.com","actor":"admin:7"',
  )
  assert.match(await refusalOf(accounts.setEmail('nobody', 'x@example.com')), 'No user found: nobody.')
})

test('sendConfirmation reaches the address that is to be confirmed', async ({ accounts, mailbox }) => {
  const anna = await created(accounts, 'Anna')
  assert.is(await accounts.sendConfirmation(anna.id), false)
  assert.is(await accounts.sendConfirmation('nobody'), false)
  await accounts.changeEmail(anna.id, 'new@example.com')
  assert.is(await accounts.sendConfirmation(anna.id), true)
  await until(() => mailbox.mails().filter(({ to }) => to.includes('new@example.com')).length === 2)
})

test('unlock is in the activity, with its reason', async ({ accounts, host }) => {
  const anna = await created(accounts, 'Anna')
  assert.is(await accounts.unlock(anna.id, { reason: 'Asked by phone', ...ADMIN }), true)
  assert.is(await accounts.unlock('nobody'), false)
  const last = (await history(host, anna.id)).at(-1)
  assert.equal(last, {
    kind: 'account_unlocked',
    about: 'Asked by phone',
    actor: 'admin:7',
    address: '192.0.2.7',
  })
})

test('setPassword follows the rules and ends all sessions; a reset sends a link', async ({
  accounts,
  host,
  mailbox,
}) => {
  const anna = await created(accounts, 'Anna')
  const visitor = host.visitor()
  await host.logIn(visitor, 'Anna')
  host.clock.advance(1)
  const errors = await accounts.setPassword(anna.id, 'password1')
  assert.equal(
    errors.map(({ code }) => code),
    ['password_common'],
  )
  assert.equal(await accounts.setPassword(anna.id, 'another horse 43'), [])
  assert.is((await visitor.open('/members/account/')).status, 303)
  await accounts.resetPassword(anna.id)
  await until(() => mailbox.mails().some(({ links }) => links.join().includes('/password/reset/')))
  await accounts.disable(anna.id)
  assert.match(await refusalOf(accounts.resetPassword(anna.id)), 'is disabled')
})

test('endSessions, endTwoStep and close report what they ended', async ({ accounts, host }) => {
  const anna = await created(accounts, 'Anna')
  await host.logIn(host.visitor(), 'Anna')
  host.clock.advance(1)
  await host.logIn(host.visitor(), 'Anna')
  assert.is(await accounts.endSessions(anna.id), 2)
  assert.is(await accounts.endSessions('nobody'), 0)
  assert.is(await accounts.endTwoStep(anna.id), false)
  assert.is(await accounts.close(anna.id), true)
  assert.is(await accounts.close(anna.id), false)
  assert.ok((await accounts.byId(anna.id))?.eraseAt)
})

test('erase runs duringErase, and onEvent gets the actor', async () => {
  const erased: string[] = []
  const hooks = { duringErase: async (_: unknown, { name }: { name: string }) => void erased.push(name) }
  const { host, accounts, told } = await start({ hooks })
  const anna = await created(accounts, 'Anna')
  assert.is(await accounts.erase(anna.id, ADMIN), true)
  assert.is(await accounts.erase(anna.id), false)
  assert.equal(erased, ['Anna'])
  assert.is(await accounts.byId(anna.id), undefined)
  const last = told.at(-1)
  assert.equal(
    [last?.kind, last?.by, last?.address, last?.about],
    ['account_erased', 'admin:7', '192.0.2.7', 'accounts.erase'],
  )
  await host.close()
})

test('erase fails while a row of the app refers to the account, and names the table', async ({
  accounts,
  host,
}) => {
  const anna = await created(accounts, 'Anna')
  await write(host.database, 'create table notes (author text constraint notes_author references users(id))')
  await write(host.database, `insert into notes values ('${anna.id}')`)
  assert.match(await refusalOf(accounts.erase(anna.id)), 'The table notes still refers to the account')
  assert.ok(await accounts.byId(anna.id))
})

test('functions that need email throw when emails are off', async () => {
  const { host, accounts } = await start({ mail: 'off' })
  const anna = await created(accounts, 'Anna')
  for (const refused of [
    accounts.create({ name: 'Bela', email: 'bela@example.com' }),
    accounts.changeEmail(anna.id, 'new@example.com'),
    accounts.resetPassword(anna.id),
  ]) {
    assert.match(await refusalOf(refused), 'Emails are off')
  }
  await host.close()
})

test.run()
