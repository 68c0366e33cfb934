import { createTransport } from 'nodemailer'

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
  socketTimeout: 20_000,
  dnsTimeout: 10_000,
}

/** Sends by SMTP; each mail on a connection of its own, so that none waits for another. */
export function smtpTransport({ url, from }: MailServer): Transport {
  const transport = createTransport(
    // Neither files nor addresses are ever read into a mail, whatever a template says.
    { ...optionsOf(url), ...TIMEOUTS, disableFileAccess: true, disableUrlAccess: true },
    { from },
  )
  return {
    async send({ messageId, ...message }, signal) {
      try {
        await transport.sendMail({
          ...message,
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

// A password goes over no wire unencrypted but that of this machine; the address may say otherwise by ?requireTLS=false.
function optionsOf(address: string) {
  const { searchParams, hostname, username } = new URL(address)
  const isHere = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)
  const url = new URL(address)
  if (username !== '' && !isHere && !searchParams.has('requireTLS'))
    url.searchParams.set('requireTLS', 'true')
  return { url: url.href }
}

interface SmtpError extends Error {
  code?: unknown
  responseCode?: unknown
  command?: unknown
}

/** What is said of one mail; everything else is said of the server: that it is away, or does not want us at all. */
const ABOUT_MAIL = /^(?:MAIL FROM|RCPT TO|DATA)/

function deliveryOf(error: unknown): Delivery {
  if (!(error instanceof Error)) return { state: 'unreachable', problem: String(error) }
  const { code, responseCode, command }: SmtpError = error
  const problem = error.message
  if (code === 'EENVELOPE' && typeof responseCode !== 'number') return { state: 'refused', problem }
  if (typeof responseCode !== 'number' || !ABOUT_MAIL.test(String(command))) {
    return { state: 'unreachable', problem }
  }
  return { state: responseCode >= 500 ? 'refused' : 'later', problem }
}
