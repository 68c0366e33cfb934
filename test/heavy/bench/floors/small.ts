/* F6: Koa and a small Nunjucks page, without anything else. */
import Koa from 'koa'
import nunjucks from 'nunjucks'

const PAGE = `<!doctype html>
<html lang="en">
<title>{{ title }}</title>
<form method="post" action="/login/">
{% for field in fields %}<p><label>{{ field }} <input name="{{ field }}"></label></p>
{% endfor %}<button>{{ title }}</button>
</form>
</html>
`
const page = new nunjucks.Template(PAGE, new nunjucks.Environment(null, { autoescape: true }))

const app = new Koa()
app.use((ctx) => {
  ctx.type = 'html'
  ctx.body = page.render({ title: 'Log in', fields: ['username', 'password'] })
})
const server = app.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (typeof address === 'object') console.log(`F6 listens on http://127.0.0.1:${address?.port}/`)
})
process.once('SIGINT', () => process.exit())
