import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { canFreeze, freeze } from '../support/databases.js'
import { PASSWORD, Site, until } from '../support/helpers.js'

const BUSY = '⚠ This is not available right now. Try again in a few seconds.'

const test = suite('a read-only database (full disk or standby server)')
const tested = canFreeze ? test : test.skip
let site: Site

test.before(async () => {
  site = await Site.start()
  await site.visitor().signUp('Stored')
})
test.after(() => site.close())

async function whileFrozen(work: () => Promise<void>): Promise<void> {
  const release = await freeze(site.database)
  try {
    await work()
  } finally {
    await release()
  }
}

for (const htmx of [false, true]) {
  const browser = htmx ? 'htmx' : 'a plain browser'
  const name = htmx ? 'With htmx' : 'Plain'

  tested(`${browser}: sign-up and login ask to wait, and then work`, async () => {
    const [newcomer, user] = [site.visitor({ htmx }), site.visitor({ htmx })]
    const forms = { signup: await newcomer.open('/signup/'), login: await user.open('/login/') }
    const email = `${htmx}@example.com`
    const signup = { username: name, email, password: PASSWORD, repassword: PASSWORD }
    const login = { username: 'Stored', password: PASSWORD }
    await whileFrozen(async () => {
      const responses = [await newcomer.send(forms.signup, signup), await user.send(forms.login, login)]
      for (const response of responses) {
        assert.is(response.status, 503)
        assert.is(response.headers['retry-after'], '5')
        assert.equal(response.messages(), [BUSY])
        assert.is(response.isWhole, !htmx)
      }
      assert.equal(
        responses.map((response) => response.value('username')),
        [name, 'Stored'],
      )
    })
    assert.equal(
      await site.rows('select id from users where name = ?', name),
      [],
      'no account is half created',
    )
    assert.is((await newcomer.send(forms.signup, signup)).status, htmx ? 200 : 303)
    assert.is((await user.send(forms.login, login)).status, htmx ? 200 : 303)
  })
}

tested('pages work, for logged-in users too, without updating last-seen times', async () => {
  const visitor = await site.visitor().settle('Reader')
  const lastSeen = () => site.rows<{ at: number }>('select max(last_seen_at) as at from sessions')
  const before = await lastSeen()
  site.clock.advance(2 * 60 * 1000)
  await whileFrozen(async () => {
    for (const path of ['/', '/account/', '/account/devices/', '/members/', '/users/reader/', '/readyz']) {
      assert.is((await visitor.open(path)).status, 200, path)
    }
    for (const path of ['/', '/login/', '/signup/', '/password/forgot/', '/users/reader/']) {
      assert.is((await site.visitor().open(path)).status, 200, path)
    }
    assert.equal(await lastSeen(), before)
  })
  await visitor.open('/')
  await until(async () => JSON.stringify(await lastSeen()) !== JSON.stringify(before))
  assert.not.equal(await lastSeen(), before, 'last-seen times are updated again')
})

tested('a site started meanwhile serves pages, and writes as soon as it can', async () => {
  await whileFrozen(async () => {
    const started = await Site.start({ database: site.database })
    assert.is((await started.visitor().open('/users/stored/')).status, 200)
    assert.is((await started.visitor().logIn('Stored')).status, 503)
    await started.close()
  })
})

tested('users stay logged in, and a refused change changes nothing', async () => {
  const visitor = await site.visitor().settle('Changer')
  const form = await visitor.open('/account/password/')
  const typed = { current: PASSWORD, password: 'quite another 42', repassword: 'quite another 42' }
  await whileFrozen(async () => {
    assert.is((await visitor.send(form, typed)).status, 503)
    assert.is((await visitor.send(await visitor.open('/logout/'))).status, 503)
    assert.is((await visitor.open('/account/')).status, 200)
  })
  assert.is((await site.visitor().logIn('Changer')).status, 303, 'the old password still works')
  assert.is((await visitor.send(form, typed)).status, 303)
  assert.is((await site.visitor().logIn('Changer')).status, 406)
})

tested('afterwards nothing is lost, and delayed emails are sent', async () => {
  await until(async () => {
    // Emails that a node had taken but could not mark as sent are due again after a minute.
    site.clock.advance(60_000)
    return (await site.rows("select 1 from mails where state = 'waiting'")).length === 0
  })
  if (site.database.startsWith('sqlite:')) {
    assert.equal(await site.rows('pragma integrity_check'), [{ integrity_check: 'ok' }])
    assert.equal(await site.rows('pragma foreign_key_check'), [])
  }
})

test.run()
