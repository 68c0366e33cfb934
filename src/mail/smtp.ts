// The one check, and not the hundred others of the package, which every start would have to load.
import isEmail from 'validator/lib/isEmail.js'
import { once } from '../base/once.js'

/** A mail server, and who writes. */
export interface MailServer {
  /** `smtp://<user>:<password>@<host>:<port>`, or `smtps://…` for TLS from the first byte. */
  url: string
  /** The sender: `no-reply@example.com`, or `Example <no-reply@example.com>`. */
  from: string
}

/** A mail as it goes out. */
export interface Message {
  /** Without brackets: `<id>@<host>`. */
  messageId: string
  date: Date
  to: string
  subject: string
  text: string
  html: string
}

/** What became of it: `refused` is for good, `later` concerns this mail, `unreachable` the server and so all mails. */
export type Delivery = { state: 'sent' } | { state: 'refused' | 'later' | 'unreachable'; problem: string }

/** Hands mails to a server. */
export interface Transport {
  send(message: Message, signal: AbortSignal): Promise<Delivery>
}

// Longer than a slow server's greeting (RFC 5321 4.5.3.2 asks for more patience than a place in the queue is worth).
const TIMEOUTS = {
  connectionTimeout: 10_000,
  greetingTimeout: 10_000,
  // A server that looks for spam before it answers must not be taken for one that hangs: it would get the mail twice.
  socketTimeout: 45_000,
  dnsTimeout: 10_000,
}

/** Sends by SMTP; each mail on a connection of its own, so that none waits for another. */
export function smtpTransport({ url, from }: MailServer): Transport {
  const transport = once(async () => {
    // Loaded with the first mail: a start need not wait for it.
    const { createTransport } = await import('nodemailer')
    // Neither files nor addresses are ever read into a mail, whatever a template says.
    const safety = { disableFileAccess: true, disableUrlAccess: true }
    return createTransport({ ...optionsOf(url), ...TIMEOUTS, ...safety }, { from })
  })
  return {
    async send({ messageId, to, ...message }, signal) {
      try {
        await (await transport()).sendMail({
          ...message,
          // Not as a text, which would be read as a list: quotes and commas are allowed in front of the @.
          to: { name: '', address: to },
          messageId: `<${messageId}>`,
          signal,
          // Machines that answer mails have nothing to answer here (RFC 3834 5).
          headers: { 'Auto-Submitted': 'auto-generated' },
        })
        return { state: 'sent' }
      } catch (error) {
        return deliveryOf(error)
      }
    },
  }
}

/** Connects and logs in, and sends nothing; answers what is wrong with that, without secrets. */
export async function verifySmtp({ url }: MailServer): Promise<string | undefined> {
  const { createTransport } = await import('nodemailer')
  const transport = createTransport({ ...optionsOf(url), ...TIMEOUTS })
  try {
    await transport.verify()
    return undefined
  } catch (error) {
    return withoutSecrets(error instanceof Error ? error.message : String(error))
  } finally {
    transport.close()
  }
}

/** Whether it is smtp:// or smtps:// and a host. */
export function isSmtpUrl(address: string): boolean {
  if (!/^smtps?:\/\//.test(address) || !URL.canParse(address)) return false
  // An @ or a # further on means that half of a password is taken for a host.
  const { hostname, pathname, search, hash, username, password } = new URL(address)
  if (hostname === '' || hash !== '' || `${pathname}${search}`.includes('@')) return false
  return [username, password].every(isDecodable)
}

function isDecodable(part: string): boolean {
  try {
    decodeURIComponent(part)
    return true
  } catch {
    return false
  }
}

/** Whether it is one address, with a name in front if need be, and nothing that would be a header of its own. */
export function isSender(sender: string): boolean {
  return (
    !/\p{Cc}/u.test(sender) &&
    isEmail.default(sender, { allow_display_name: true, require_tld: false, allow_ip_domain: true })
  )
}

// A password goes over no wire unencrypted but that of this machine; the address may say otherwise by ?requireTLS=false.
function optionsOf(address: string) {
  const url = new URL(address)
  const isHere = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname)
  if (url.username !== '' && !isHere && !url.searchParams.has('requireTLS')) {
    url.searchParams.set('requireTLS', 'true')
  }
  return { url: url.href }
}

interface SmtpError extends Error {
  code?: unknown
  responseCode?: unknown
  command?: unknown
}

/** What is said of one mail; everything else is said of the server: that it is away, or does not want us at all. */
const ABOUT_MAIL = /^(?:MAIL FROM|RCPT TO|DATA)/
/** Whatever it answers: that it closes (RFC 5321 3.8), or wants to know first who we are (RFC 4954 6). */
const ABOUT_SERVER: readonly unknown[] = [421, 454, 530, 534, 535, 538]

function deliveryOf(error: unknown): Delivery {
  if (!(error instanceof Error)) return { state: 'unreachable', problem: String(error) }
  const { code, responseCode, command }: SmtpError = error
  const problem = withoutSecrets(error.message)
  if (typeof responseCode !== 'number') {
    const isAboutMail = code === 'EENVELOPE' || code === 'EMESSAGE'
    return { state: isAboutMail ? 'refused' : 'unreachable', problem }
  }
  if (!ABOUT_MAIL.test(String(command)) || ABOUT_SERVER.includes(responseCode)) {
    return { state: 'unreachable', problem }
  }
  return { state: responseCode >= 500 ? 'refused' : 'later', problem }
}

const LONGEST_PROBLEM = 300

// Servers repeat the address, and filters the link that they do not like; what they say is stored, and logged.
function withoutSecrets(problem: string): string {
  return problem
    .replaceAll(/https?:\S+/g, '…')
    .replaceAll(/("[^"]*"|[^\s<>"]+)@[^\s<>"]+/g, '…')
    .replaceAll(/[\w-]{43,}/g, '…')
    .replaceAll(/[\s\p{C}]+/gu, ' ')
    .slice(0, LONGEST_PROBLEM)
}
