// Types that an app in TypeScript uses. pack.test.ts compiles this beside the package.
import {
  type Accounts,
  type AccountsOptions,
  accounts,
  type DatabaseLocation,
  type Form,
  requireUser,
  type User,
  userOf,
} from 'gatehouse'
import Koa, { type Context } from 'koa'

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

export { mistyped, noHandle, nowhere }
