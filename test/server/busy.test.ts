import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { lock } from '../support/databases.js'
import { PASSWORD, Site } from '../support/helpers.js'

const test = suite('a database that another program has locked')
let site: Site

test.before(async () => {
  site = await Site.start()
  await site.visitor().signUp('Busy')
})
test.after(() => site.close())

/** Holds the write lock, as a backup or another process does, for as long as `work` takes. */
async function whileLocked(work: () => Promise<void>): Promise<void> {
  const release = await lock(site.database)
  try {
    await work()
  } finally {
    await release()
  }
}

for (const htmx of [false, true]) {
  test(`${htmx ? 'htmx' : 'a plain browser'}: a form that cannot be saved comes back filled in`, async () => {
    const visitor = site.visitor({ htmx })
    const form = await visitor.open('/login/')
    await whileLocked(async () => {
      const page = await visitor.send(form, { username: 'Busy', password: PASSWORD })
      assert.is(page.status, 503)
      assert.is(page.headers['retry-after'], '5')
      assert.equal(page.messages(), ['⚠ This is not available right now. Try again in a few seconds.'])
      assert.is(page.isWhole, !htmx)
      assert.is(page.value('username'), 'Busy')
      assert.match(
        site.logs.join(''),
        /"level":40.*(?:database is locked|lock timeout)/,
        'the log has the cause',
      )
    })
    const again = await visitor.send(form, { username: 'Busy', password: PASSWORD })
    assert.is(again.status, htmx ? 200 : 303)
  })
}

test('pages are served meanwhile, to logged-in users, too', async () => {
  const visitor = await site.visitor().settle('Reader')
  site.clock.advance(2 * 60 * 1000)
  await whileLocked(async () => {
    const waiting = site.visitor().signUp('Waiting')
    // A page that waited for the lock, which is held until all are served, would be a 503.
    for (const path of ['/', '/login/', '/users/reader/']) {
      assert.is((await visitor.open(path)).status < 400, true, path)
    }
    assert.is((await waiting).status, 503)
  })
})

test.run()
