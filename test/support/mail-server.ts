import { type ParsedMail, simpleParser } from 'mailparser'
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server'
import { until } from './helpers.js'
import { freePort } from './postgres.js'

/** A certificate for tests on this machine, for 100 years. */
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgfP5gUSUqHF0swC2M
AlLOk/uTp4l7q5WH3T3LZVO0grihRANCAARa1gbQYvulfi4QuDm6sWhNZbdSQX1A
AwrvRqFBRLyQY+q3BPSi5gmUrddiAaEBJyHqUDyTXP0+FQC8LVJ5C/Cc
-----END PRIVATE KEY-----
`
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBmjCCAUGgAwIBAgIUSqQsr7SWTOenfhf3LDziZ7q7oDwwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyNTE5NDY0OFoYDzIxMjYxMTAx
MTk0NjQ4WjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARa1gbQYvulfi4QuDm6sWhNZbdSQX1AAwrvRqFBRLyQY+q3BPSi5gmU
rddiAaEBJyHqUDyTXP0+FQC8LVJ5C/Cco28wbTAdBgNVHQ4EFgQUk61qi7tbGy+i
ODZNI8W6VCfk7+gwHwYDVR0jBBgwFoAUk61qi7tbGy+iODZNI8W6VCfk7+gwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARhwR/AAABgglsb2NhbGhvc3QwCgYIKoZI
zj0EAwIDRwAwRAIgSdYifQ0EO9RZsg4ulnWoFVSwiExw81Lz+HW9/LYboxsCIA4y
U6ypl2aZcBsfRdaubLUTrw7YBifriR7uw/PTDRlR
-----END CERTIFICATE-----
`

export interface MailServerOptions {
  /** Whether it uses TLS from the first byte or after STARTTLS. By default it uses none. */
  tls?: 'at once' | 'when asked'
  /** The only account that may send. */
  account?: { user: string; password: string }
}

/** An email as received. */
export interface ReceivedMail {
  /** The addresses of the envelope. */
  from: string
  to: string[]
  mail: ParsedMail
  raw: string
  isEncrypted: boolean
  user: string | undefined
}

interface Refusal {
  code: number
  sentence: string
  times: number
}

/** A real mail server, which keeps its port when it is restarted. */
export class TestMailServer {
  readonly received: ReceivedMail[] = []
  /** Every recipient that was offered, in order. */
  readonly asked: string[] = []
  /** Every attempted login, right or wrong. */
  logins = 0
  readonly #options: MailServerOptions
  readonly #refusals = new Map<string, Refusal>()
  #port = 0
  #server: SMTPServer | undefined
  #held: (() => void)[] | undefined

  private constructor(options: MailServerOptions) {
    this.#options = options
  }

  static async start(options: MailServerOptions = {}): Promise<TestMailServer> {
    const server = new TestMailServer(options)
    await server.start()
    return server
  }

  /** Returns an SMTP_URL with its account or another password, which trusts its certificate. */
  url({ password, isTrusted = true }: { password?: string; isTrusted?: boolean } = {}): string {
    const { tls, account } = this.#options
    const url = new URL(`${tls === 'at once' ? 'smtps' : 'smtp'}://127.0.0.1:${this.#port}`)
    if (account !== undefined) {
      url.username = encodeURIComponent(account.user)
      url.password = encodeURIComponent(password ?? account.password)
    }
    if (tls !== undefined && isTrusted) url.searchParams.set('tls.ca', CERTIFICATE)
    return url.href
  }

  async start(): Promise<void> {
    const { tls, account } = this.#options
    const without = [
      ...(tls === 'when asked' ? [] : ['STARTTLS']),
      ...(account === undefined ? ['AUTH'] : []),
    ]
    const server = new SMTPServer({
      secure: tls === 'at once',
      key: KEY,
      cert: CERTIFICATE,
      disabledCommands: without,
      authOptional: account === undefined,
      // Accepts passwords without encryption, because the tests run on one machine.
      allowInsecureAuth: tls === undefined,
      disableReverseLookup: true,
      closeTimeout: 50,
      onAuth: ({ username, password }, _, answer) => {
        this.logins++
        if (username === account?.user && password === account?.password) answer(null, { user: username })
        else answer(refused({ code: 535, sentence: `${username} is unknown here` }))
      },
      onRcptTo: ({ address }, _, answer) => {
        this.asked.push(address)
        const refusal = this.#refusals.get(address)
        if (refusal === undefined || refusal.times-- <= 0) answer()
        else answer(refused(refusal))
      },
      onData: (stream, session, answer) => {
        this.#receive(stream, session).then(() => answer(), answer)
      },
    })
    server.on('error', () => {})
    // Not a port that outgoing connections may take while the server is stopped.
    this.#port ||= await freePort()
    await new Promise<void>((resolve, reject) => {
      server.server.once('error', reject)
      server.listen(this.#port, '127.0.0.1', resolve)
    })
    this.#server = server
  }

  async stop(): Promise<void> {
    this.release()
    const server = this.#server
    this.#server = undefined
    await new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(resolve)))
  }

  /** Refuses emails to an address, that many times or always. */
  refuse(address: string, code: number, times = Number.POSITIVE_INFINITY): void {
    this.#refusals.set(address, { code, sentence: `<${address}> is not wanted`, times })
  }

  /** Accepts emails without a response, until it is released. */
  hang(): void {
    this.#held = []
  }

  release(): void {
    for (const release of this.#held ?? []) release()
    this.#held = undefined
  }

  /** How many emails it has accepted without a response. */
  get holding(): number {
    return this.#held?.length ?? 0
  }

  /** Waits for that many emails, to an address or to all, and returns them. Throws if they do not arrive. */
  async mails(count: number, to?: string): Promise<ReceivedMail[]> {
    const chosen = () => this.received.filter((one) => to === undefined || one.to.includes(to))
    await until(() => chosen().length >= count, `${count} mails for ${to ?? 'all'}`)
    return chosen()
  }

  async #receive(stream: SMTPServerDataStream, session: SMTPServerSession): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of stream) chunks.push(Buffer.from(chunk))
    if (this.#held !== undefined) await new Promise<void>((resolve) => this.#held?.push(resolve))
    const raw = Buffer.concat(chunks)
    const { mailFrom, rcptTo } = session.envelope
    this.received.push({
      from: mailFrom === false ? '' : mailFrom.address,
      to: rcptTo.map(({ address }) => address),
      mail: await simpleParser(raw),
      raw: raw.toString('utf8'),
      isEncrypted: session.secure,
      user: session.user,
    })
  }
}

function refused({ code, sentence }: { code: number; sentence: string }): Error {
  return Object.assign(new Error(sentence), { responseCode: code })
}
