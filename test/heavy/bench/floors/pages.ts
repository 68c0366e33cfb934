/*
 * F1 and F2: the simplest site with the same packages that serves only these pages: Koa, its router, koa-session with its
 * own codec and a session that is read, a body parser, and the same templates with a fixed context. F2 adds the two
 * indexed SELECTs of a page for logged-in users.
 */
import { join } from 'node:path'
import Router from '@koa/router'
import BetterSqlite3 from 'better-sqlite3'
import nunjucks from 'nunjucks'
import { root } from '../../../../src/base/package.js'
// Loads the same native modules into memory.
import '@node-rs/argon2'
import { dataOf, inAscii, withMarkup } from '../../../../src/views/markup.js'
import { REFUSED } from '../forms.js'
import { serve } from './serve.js'

const [file = ''] = process.argv.slice(2)

const views = new nunjucks.Environment(new nunjucks.FileSystemLoader(join(root, 'templates')), {
  autoescape: true,
  trimBlocks: true,
  lstripBlocks: true,
})
views.addGlobal('_', (text: string, params?: Record<string, unknown>) =>
  withMarkup(params, (values) => text.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(values?.[name]))),
)
views.addGlobal('url', (name: string, part?: string) => `/${name}/${part ? `${part}/` : ''}`)
views.addGlobal('asset', (name: string) => `/assets/${name.replace(/(?=\.\w+$)/, '.000000000000')}`)
views.addGlobal('offers', (name: string) => ['signup', 'users'].includes(name))
views.addGlobal('data', dataOf)
const LINKS: Record<string, { name: string; title: string; hint?: string }[]> = {
  header: [
    { name: 'login', title: 'Log in' },
    { name: 'signup', title: 'Sign up' },
  ],
  'user header': [{ name: 'logout', title: 'Log out' }],
  login: [{ name: 'signup', title: 'Sign up', hint: 'New here?' }],
}
views.addGlobal('links', (place: string) => LINKS[place] ?? [])
views.addGlobal('sentence', (text: string) => text)
views.addGlobal('places', { home: '/' })
views.addGlobal('siteName', 'Gatehouse')
views.addGlobal('passwordMinLength', '8')
views.addGlobal('asksUsername', true)
views.addGlobal('asksEmail', true)
views.addGlobal('lang', 'en')
views.addGlobal('dir', 'ltr')
views.addGlobal('languages', [
  { tag: 'en', name: 'English', href: '?lang=en', isCurrent: true },
  { tag: 'de', name: 'Deutsch', href: '?lang=de', isCurrent: false },
  { tag: 'es', name: inAscii('Español'), href: '?lang=es', isCurrent: false },
  { tag: 'fr', name: inAscii('Français'), href: '?lang=fr', isCurrent: false },
  { tag: 'ru', name: inAscii('Русский'), href: '?lang=ru', isCurrent: false },
])
views.addGlobal('theme', 'auto')

const TOKEN = 'x'.repeat(43)

const login = {
  form: {
    name: 'login',
    action: '/login/verify/',
    csrf: TOKEN,
    once: 'x'.repeat(22),
    values: {},
    errors: {},
  },
  messages: {},
}

const refused = {
  form: {
    name: 'signup',
    action: '/signup/verify/',
    csrf: TOKEN,
    once: 'x'.repeat(22),
    values: { username: REFUSED.typed.username, email: REFUSED.typed.email },
    errors: Object.fromEntries(REFUSED.errors.map(({ field, text }) => [field, [text]])),
    hasFields: true,
    hinted: ['username', 'email', 'password'],
    hints: {},
    oob: true,
  },
  messages: { errors: REFUSED.errors },
}

interface Row {
  user_id: string
}

interface User {
  name: string
  email: string
  slug: string
}

const database = new BetterSqlite3(file, { readonly: true })
const sessionByToken = database.prepare<[string, number], Row>(
  'select user_id from sessions where token_hash = ? and expires_at > ?',
)
const userById = database.prepare<[string], User>('select name, email, slug from users where id = ?')

const router = new Router()

// Gives visitors a session of about the size of ours.
router.get('/enter/', (ctx) => {
  ctx.session = { login: ctx.query.token, csrf: 'x'.repeat(22) }
  ctx.body = 'in'
})
router.get('/login/', (ctx) => {
  ctx.type = 'html'
  ctx.body = views.render('login/page.html', { ...login, user: ctx.session?.user })
})
router.get('/', (ctx) => {
  const found = sessionByToken.get(ctx.session?.login, Date.now())
  const user = found && userById.get(found.user_id)
  ctx.type = 'html'
  ctx.body = views.render('home/page.html', { user, messages: {} })
})
router.post('/signup/verify/', (ctx) => {
  ctx.status = typeof ctx.request.body === 'object' && ctx.session?.csrf ? 406 : 400
  ctx.type = 'html'
  ctx.body = views.render('parts/fragment.html', refused)
})

serve('F1', router)
