import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Page, Site } from '../support/helpers.js'

const test = suite('a query string')
let site: Site

test.before(async () => {
  site = await Site.start()
})
test.after(() => site.close())

const open = (query: string): Promise<Page> => site.visitor().open(`/login/?${query}`)

test('fills in the form for a link from the site', async () => {
  const page = await open('a&b&next=%2Faccount%2F&username=Anna')
  assert.equal([page.value('username'), page.value('next')], ['Anna', '/account/'])
})

for (const [what, query] of Object.entries({
  'has thousands of parameters': `username=Anna&lang=ru&${'a&'.repeat(7_000)}`,
  'is very long': `username=Anna&lang=ru&a=${'a'.repeat(9_000)}`,
  'has a parameter twice': 'username=Anna&username=Anna&lang=ru&lang=ru',
})) {
  test(`is ignored if it ${what}`, async () => {
    const page = await open(query)
    assert.equal([page.status, page.value('username') ?? ''], [200, ''])
    assert.is(page.$('html').attr('lang'), 'en')
  })
}

test.run()
