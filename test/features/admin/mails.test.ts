import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { adminOf } from '../../support/admin.js'
import { Site } from '../../support/helpers.js'

const test = suite('admin/mails')

for (const htmx of [false, true]) {
  test(`${htmx ? 'htmx' : 'plain'}: a failed email is shown, and sent again once`, async () => {
    const site = await Site.start()
    const { visitor } = await adminOf(site, 'Anna', { htmx })
    await site.visitor().signUp('Bert')
    await site.allSent()
    await site.write("update mails set state = 'failed', problem = '550 No such mailbox'")
    const page = await visitor.open('/admin/mails/')
    assert.match(page.text, '550 No such mailbox')
    const form = page.$('main form').first().attr('action') ?? ''
    const id = form.split('/').at(-3) ?? ''
    const back = htmx ? 'hx-redirect' : 'location'
    for (const message of ['The email will be sent again', 'This email has not failed']) {
      const response = await visitor.send(page, {}, form)
      assert.is(response.headers[back], '/admin/mails/')
      assert.match((await visitor.open('/admin/mails/')).messages().join(), message)
    }
    const [mail] = await site.rows<{ state: string }>('select state from mails where id = ?', id)
    assert.is.not(mail?.state, 'failed')
    assert.is((await site.rows("select id from operator_actions where kind = 'mail_resent'")).length, 1)
    await site.close()
  })
}

test.run()
