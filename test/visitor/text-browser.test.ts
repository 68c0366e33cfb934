import * as cheerio from 'cheerio'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DAY } from '../../src/base/durations.js'
import { PASSWORD, type Page, Site, type Visitor } from '../support/helpers.js'
import { codeAt } from '../support/second-step.js'

/*
 * As in w3m and lynx: no script, no style sheet, no pictures. What cannot be read as text is not there,
 * fields are found by their labels, and only what is on the page can be followed or pressed.
 */
const test = suite('text browser')
let site: Site

test.before.each(async () => {
  site = await Site.start({ host: 'localhost', environment: { SESSION_IDLE: '30d' } })
})
test.after.each(() => site.close())

class TextBrowser {
  readonly #visitor: Visitor
  #page: Page

  private constructor(visitor: Visitor, page: Page) {
    this.#visitor = visitor
    this.#page = page
  }

  static async at(path: string): Promise<TextBrowser> {
    const visitor = site.visitor()
    return new TextBrowser(visitor, await visitor.open(path))
  }

  get #dom(): cheerio.CheerioAPI {
    return cheerio.load(this.#page.text)
  }

  /** The page as text. These browsers show templates and what is `hidden`. */
  get text(): string {
    const copy = this.#dom('body').clone()
    copy.find('script, style, svg').remove()
    return copy.text().replaceAll(/\s+/g, ' ').trim()
  }

  get raw(): string {
    return this.#page.text
  }

  get buttons(): string[] {
    const found = this.#dom('button, a.button').toArray()
    return found.map((element) => this.#dom(element).text().trim())
  }

  async open(path: string): Promise<void> {
    await this.#show(await this.#visitor.open(path))
  }

  async follow(text: string): Promise<void> {
    const link = this.#dom('a')
      .toArray()
      .find((element) => this.#dom(element).text().trim() === text)
    assert.ok(link, `There is no link "${text}":\n${this.text}`)
    await this.open(this.#dom(link).attr('href') ?? '')
  }

  /** Types into the fields with these labels, and presses the button with this text. */
  async press(button: string, typed: Record<string, string> = {}): Promise<void> {
    const found = this.#dom('button')
      .toArray()
      .find((element) => this.#dom(element).text().trim() === button)
    assert.ok(found, `There is no button "${button}":\n${this.text}`)
    const form = this.#dom(found).closest('form')
    const fields = new URLSearchParams(form.serialize())
    for (const [label, value] of Object.entries(typed)) fields.set(this.#nameOf(label), value)
    await this.#show(await this.#visitor.post(form.attr('action') ?? '', fields.toString()))
  }

  #nameOf(text: string): string {
    const label = this.#dom('label')
      .toArray()
      .find((element) => this.#dom(element).text().trim() === text)
    assert.ok(label, `There is no field "${text}":\n${this.text}`)
    return this.#dom(`[id="${this.#dom(label).attr('for')}"]`).attr('name') ?? ''
  }

  async #show(page: Page): Promise<void> {
    const { location } = page.headers
    if (location !== undefined) return this.open(location)
    this.#page = page
    assert.not.match(this.text, 'did not respond')
  }
}

async function signedUp(): Promise<TextBrowser> {
  const browser = await TextBrowser.at('/signup/')
  await browser.press('Sign up', {
    Username: 'Anna',
    'Email address': 'Anna@example.com',
    Password: PASSWORD,
    'Repeat password': PASSWORD,
  })
  const { link } = await site.mailThat('Anna@example.com', (mail) => mail.code !== '')
  await browser.open(link)
  await browser.press('Confirm')
  await logIn(browser)
  return browser
}

async function logIn(browser: TextBrowser): Promise<void> {
  await browser.open('/login/')
  await browser.press('Log in', { 'Username or email address': 'Anna', Password: PASSWORD })
}

async function turnOn(browser: TextBrowser): Promise<{ key: string; codes: string[] }> {
  await browser.open('/account/')
  await browser.follow('Two-step verification')
  assert.match(browser.text, 'It is off.')
  await browser.follow('Set up an authenticator app')
  const [key = ''] = /(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}/.exec(browser.text) ?? []
  const secret = key.replaceAll(' ', '')
  await browser.press('Turn on two-step verification', { '2. Enter the code that the app shows': '000000' })
  assert.match(browser.text, 'The code is not correct')
  await browser.press('Turn on two-step verification', {
    '2. Enter the code that the app shows': codeAt(secret, site.clock.time),
  })
  assert.match(browser.text, 'Two-step verification is on')
  const codes = [...browser.text.matchAll(/\d{5} \d{5} \d{5} \d{5}/g)].map(([code]) => code)
  assert.is(codes.length, 10)
  site.clock.advance(30_000)
  return { key: secret, codes }
}

async function logOut(browser: TextBrowser): Promise<void> {
  await browser.open('/logout/')
  await browser.press('Log out')
  site.clock.advance(1)
}

test('two-step verification can be turned on, used with app and recovery codes, and turned off', async () => {
  const browser = await signedUp()
  const { key, codes } = await turnOn(browser)
  for (const code of [codeAt(key, site.clock.time), codes[0] ?? '']) {
    await logOut(browser)
    await logIn(browser)
    await browser.press('Log in', { Code: code })
    assert.match(browser.text, 'You are logged in.')
  }
  await browser.open('/account/two-step/')
  assert.match(browser.text, 'Left: 9 of 10')
  await browser.press('Turn off two-step verification')
  assert.match(browser.text, 'Two-step verification is off.')
})

test('a session can cancel turning two-step verification off by email, and after the wait it is off', async () => {
  const browser = await signedUp()
  await turnOn(browser)
  site.clock.advance(4 * DAY)
  const lost = await TextBrowser.at('/login/')
  const ask = async () => {
    await site.emptyMailbox()
    await logIn(lost)
    await lost.follow('Lost your phone and your recovery codes?')
    await lost.press('Send the email')
    assert.match(lost.text, 'is on its way')
    const mail = await site.mailThat('Anna@example.com', ({ link }) => link.includes('/lost/'))
    await lost.open(mail.link)
    await lost.press('Start the wait')
    assert.match(lost.text, 'You can log in without a code in 3 days.')
  }
  await ask()
  await browser.open('/account/')
  assert.match(browser.text, 'Someone asked by email to turn off two-step verification.')
  await browser.press('Keep two-step verification on')
  assert.match(browser.text, 'Two-step verification stays on.')
  site.clock.advance(DAY)
  await ask()
  site.clock.advance(3 * DAY)
  await logIn(lost)
  await lost.follow('Log in without a code')
  await lost.press('Turn it off and log in')
  assert.match(lost.text, 'You are logged in. Two-step verification is off.')
})

test('passkeys, which need JavaScript, are not offered', async () => {
  await site.close()
  site = await Site.start({ host: 'localhost', environment: { EMAIL_CONFIRMATION: 'required' } })
  const browser = await TextBrowser.at('/signup/')
  for (const path of ['/signup/', '/login/']) {
    await browser.open(path)
    assert.match(browser.raw, 'data-passkey-part', 'other browsers are offered them')
    assert.not.match(browser.text, /passkey|fingerprint/)
    assert.is(browser.buttons.filter((text) => text.includes('passkey')).length, 0)
  }
  const user = await signedUp()
  await user.open('/account/passkeys/')
  assert.match(
    user.text,
    'To create a passkey you need a browser that supports them, with JavaScript turned on.',
  )
  assert.not.ok(user.buttons.includes('Create a passkey'))
})

test.run()
