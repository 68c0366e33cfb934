// The one check, and not the hundred others of the package, which every start would have to load.

import isEmail from 'validator/lib/isEmail.js'
import { errorText } from '../base/error-text.js'
import { once } from '../base/once.js'
import { DeliveryError, type Transport, withoutSecrets } from './transport.js'

/** A mail server, and who writes. */
export interface MailServer {
  /** `smtp://<user>:<password>@<host>:<port>`, or `smtps://…` for TLS from the first byte. */
  url: string
  /** The sender: `no-reply@example.com`, or `Example <no-reply@example.com>`. */
  from: string
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
      } catch (error) {
        throw deliveryErrorOf(error)
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
    return withoutSecrets(errorText(error))
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

function deliveryErrorOf(error: unknown): DeliveryError {
  if (!(error instanceof Error)) return new DeliveryError('unreachable', String(error))
  const { code, responseCode, command, message }: SmtpError = error
  if (typeof responseCode !== 'number') {
    const isAboutMail = code === 'EENVELOPE' || code === 'EMESSAGE'
    return new DeliveryError(isAboutMail ? 'refused' : 'unreachable', message)
  }
  if (!ABOUT_MAIL.test(String(command)) || ABOUT_SERVER.includes(responseCode)) {
    return new DeliveryError('unreachable', message)
  }
  return new DeliveryError(responseCode >= 500 ? 'refused' : 'later', message)
}
