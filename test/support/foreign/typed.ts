// Types that an app in TypeScript uses. pack.test.ts compiles this beside the package.

import Koa, { type Context } from 'koa'
import {
  type Accounts,
  type AccountsOptions,
  accounts,
  type DatabaseLocation,
  type Form,
  logIn,
  logOut,
  requireUser,
  type User,
  userOf,
} from 'koa-gatehouse'
import { loggedIn, type TestKit, testKit } from 'koa-gatehouse/testing'

const options: AccountsOptions = {
  database: { url: 'postgres://localhost/shop', schema: 'accounts' },
  keys: ['…'],
  prefix: '/members',
  mail: { url: 'smtp://mail.example.com', from: 'shop@example.com' },
  baseUrl: 'https://shop.example.com',
  places: { afterLogin: '/orders' },
  lifetimes: { idle: 60_000 },
  limits: { loginName: { max: 3, window: 60_000 } },
  onEvent: ({ kind, userId }) => console.log(kind, userId),
  address: (ctx: Context) => ctx.ip,
}

// @ts-expect-error not a name
const mistyped: AccountsOptions = { database: 'sqlite:shop.sqlite', sitename: 'The shop' }
// @ts-expect-error the database is missing
const nowhere: AccountsOptions = {}
// @ts-expect-error a schema is for PostgreSQL
const noHandle: DatabaseLocation = { sqlite: 'shop.sqlite' }

const note: Form<'note'> = { name: 'notes', path: '/notes/', fields: ['note'], secret: [] }

const app = new Koa()
const members: Accounts = await accounts(options)
app.use(members.frame)
app.use(members)
app.use(requireUser)
app.use(
  members.onSubmit(note, async (ctx, values) => members.pages.show(ctx, 'notes.html', { note: values.note })),
)
app.use((ctx) => {
  const user: User | undefined = userOf(ctx)
  ctx.body = user?.name
})

app.use(async (ctx) => {
  const found = await members.accounts.byIds(['1', '2'])
  const made = await members.accounts.create({ name: 'Anna', email: 'anna@example.com' })
  if (!made.ok) return ctx.throw(422, made.errors.map(({ code }) => code).join())
  const isDone: boolean = await members.accounts.disable(made.user.id, { reason: 'Spam', by: 'admin:7' })
  const login = await logIn(ctx, made.user, { kept: isDone })
  if (login === undefined) await logOut(ctx)
  ctx.redirect(login?.path ?? `/${found.get('1')?.name}`)
})

const kit: TestKit = testKit()
const { cookie } = await loggedIn(await accounts({ ...kit.options, prefix: '/members' }), 'Anna')
console.log(cookie)

export { mistyped, noHandle, nowhere }
