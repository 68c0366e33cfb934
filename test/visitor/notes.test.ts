import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { NOTES_LIFE } from '../../src/web/session.js'
import { type Page, Site, type Visitor } from '../support/helpers.js'

/** The session cookie keeps notes about a visitor: opened links, a requested reset, a refused form. */
const test = suite('notes')
let site: Site
let visitor: Visitor

test.before.each(async () => {
  site = await Site.start()
  visitor = await site.visitor().settle('Anna')
  await visitor.send(await visitor.open('/logout/'))
  await site.emptyMailbox()
})
test.after.each(() => site.close())

async function askForReset(): Promise<Page> {
  return visitor.send(await visitor.open('/password/forgot/'), { username: 'Anna' })
}

function status(path: string): Promise<number> {
  return visitor.open(path).then((page) => page.status)
}

test('a requested reset is forgotten after a day', async () => {
  await askForReset()
  site.clock.advance(NOTES_LIFE - 1)
  assert.is(await status('/password/reset/'), 200)
  site.clock.advance(1)
  assert.is(await status('/password/reset/'), 303, 'it leads back to the first page')
})

test('an opened link is forgotten after a day, in copies of the cookie, too', async () => {
  await askForReset()
  const page = await visitor.follow(await site.mail('Anna@example.com'))
  assert.is(page.status, 200)
  const copy = page.cookieHeader
  site.clock.advance(NOTES_LIFE)
  const thief = site.visitor()
  assert.is((await thief.open('/password/reset/', { Cookie: copy })).status, 303)
})

test('a note that is written again lasts another day', async () => {
  await askForReset()
  site.clock.advance(NOTES_LIFE / 2)
  await askForReset()
  site.clock.advance(NOTES_LIFE / 2)
  assert.is(await status('/password/reset/'), 200)
})

test.run()
