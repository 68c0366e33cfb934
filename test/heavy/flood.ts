import { Agent, type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { Visitor } from '../support/helpers.js'

/** Fewer than MAX_CONNECTIONS, so that visitors can connect. */
export const MOST_OPEN = 900
const AT_ONCE_TO_MEASURE = 8
const WARM_UP = 1_000
const MEASURED = 2_000
const REFUSAL = 'The site is very busy.'

/** Sends thousands of wrong logins, every second one like htmx, and collects what is wrong with the responses. */
export class Flood {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: MOST_OPEN })
  readonly #url: string
  readonly #headers: Record<string, string>
  readonly #body: string
  #open = 0
  sent = 0
  /** Requests that would have waited for a connection. */
  unsent = 0
  checked = 0
  refused = 0
  /** What was wrong, and how often. */
  readonly problems = new Map<string, number>()

  private constructor(url: string, headers: Record<string, string>, body: string) {
    this.#url = url
    this.#headers = headers
    this.#body = body
  }

  static async at(address: string): Promise<Flood> {
    const form = await new Visitor(address).open('/login/')
    const fields = { _csrf: form.value('_csrf') ?? '', username: 'nobody', password: 'wrong' }
    const body = new URLSearchParams(fields).toString()
    const headers = {
      Cookie: form.cookieHeader,
      'Content-Type': 'application/x-www-form-urlencoded',
      'Content-Length': `${body.length}`,
    }
    return new Flood(`${address}/login/verify/`, headers, body)
  }

  /** Returns how many are checked in a second, while some always wait and none is refused. */
  async capacity(): Promise<number> {
    const begin = performance.now()
    let count = 0
    const askOn = async () => {
      while (performance.now() < begin + WARM_UP + MEASURED) {
        await text(await this.#post(false))
        if (performance.now() > begin + WARM_UP) count++
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE_TO_MEASURE }, askOn))
    return (count * 1000) / (performance.now() - begin - WARM_UP)
  }

  /** Sends that many in a second, evenly and without waiting for responses, then waits for all of them. */
  async ask(rate: number, milliseconds: number): Promise<void> {
    const begin = performance.now()
    const asking: Promise<void>[] = []
    for (let due = 0; performance.now() < begin + milliseconds; await pause(2)) {
      for (; due < ((performance.now() - begin) * rate) / 1000; due++) {
        if (this.#open < MOST_OPEN) asking.push(this.#ask(due % 2 === 0))
        else this.unsent++
      }
    }
    await Promise.all(asking)
    this.#agent.destroy()
  }

  async #ask(htmx: boolean): Promise<void> {
    this.sent++
    this.#open++
    try {
      const response = await this.#post(htmx)
      const problem = this.#judge(response, await text(response), htmx)
      if (problem !== '') this.#complain(problem)
    } catch (error) {
      this.#complain(String(error))
    } finally {
      this.#open--
    }
  }

  #judge({ statusCode, headers }: IncomingMessage, page: string, htmx: boolean): string {
    if (page.includes('<!doctype html>') === htmx) return 'a page for a fragment, or a fragment for a page'
    if (!page.trimEnd().endsWith(htmx ? '>' : '</html>')) return 'a response that is cut off'
    if (statusCode === 406) {
      this.checked++
      return ''
    }
    if (statusCode !== 503) return `a response ${statusCode}`
    this.refused++
    if (!(Number(headers['retry-after']) > 0))
      return 'a refusal that does not say when to come back (Retry-After)'
    return page.includes(REFUSAL) && page.includes('value="nobody"')
      ? ''
      : 'a refusal without its words or the form'
  }

  #complain(problem: string): void {
    this.problems.set(problem, (this.problems.get(problem) ?? 0) + 1)
  }

  #post(htmx: boolean): Promise<IncomingMessage> {
    const headers = htmx ? { ...this.#headers, 'HX-Request': 'true' } : this.#headers
    return new Promise((resolve, reject) => {
      request(this.#url, { method: 'POST', agent: this.#agent, headers }, resolve)
        .on('error', reject)
        .end(this.#body)
    })
  }
}
