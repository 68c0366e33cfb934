import isEmail from 'validator/lib/isEmail.js'
import { errorText } from '../base/error-text.js'
import { once } from '../base/once.js'
import { DeliveryError, type Transport, withoutSecrets } from './transport.js'

export interface MailServer {
  /** `smtp://<user>:<password>@<host>:<port>`, or `smtps://…` for implicit TLS. */
  url: string
  /** `no-reply@example.com`, or `Example <no-reply@example.com>`. */
  from: string
}

// Shorter than in RFC 5321 4.5.3.2, so that a hanging server does not block the queue.
const TIMEOUTS = {
  connectionTimeout: 10_000,
  greetingTimeout: 10_000,
  // Spam checks may delay the reply. Giving up too early would send the email twice.
  socketTimeout: 45_000,
  dnsTimeout: 10_000,
}

export function smtpTransport({ url, from }: MailServer): Transport {
  const transport = once(async () => {
    const { createTransport } = await import('nodemailer')
    // Otherwise Nodemailer reads files and URLs named in a message.
    const safety = { disableFileAccess: true, disableUrlAccess: true }
    return createTransport({ ...optionsOf(url), ...TIMEOUTS, ...safety }, { from })
  })
  return {
    async send({ messageId, to, ...message }, signal) {
      try {
        await (await transport()).sendMail({
          ...message,
          // A plain string would be parsed as a list, because a local part may contain quotes and commas.
          to: { name: '', address: to },
          messageId: `<${messageId}>`,
          signal,
          // Keeps autoresponders quiet (RFC 3834 5).
          headers: { 'Auto-Submitted': 'auto-generated' },
        })
      } catch (error) {
        throw deliveryErrorOf(error)
      }
    },
  }
}

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

export function isSmtpUrl(address: string): boolean {
  if (!/^smtps?:\/\//.test(address) || !URL.canParse(address)) return false
  // A later @ or # means that part of a password was parsed as the host.
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

// A control character could start another header.
export function isSender(sender: string): boolean {
  return (
    !/\p{Cc}/u.test(sender) &&
    isEmail.default(sender, { allow_display_name: true, require_tld: false, allow_ip_domain: true })
  )
}

// Requires TLS before sending a password, except to this machine. `?requireTLS=false` overrides it.
function optionsOf(address: string) {
  const url = new URL(address)
  const isLocal = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname)
  if (url.username !== '' && !isLocal && !url.searchParams.has('requireTLS')) {
    url.searchParams.set('requireTLS', 'true')
  }
  return { url: url.href }
}

interface SmtpError extends Error {
  code?: unknown
  responseCode?: unknown
  command?: unknown
}

const ABOUT_MAIL = /^(?:MAIL FROM|RCPT TO|DATA)/
// At any command: the server closes (RFC 5321 3.8) or needs a login (RFC 4954 6).
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
