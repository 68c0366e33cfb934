/** An email as it goes out. */
export interface OutgoingMail {
  /** Without brackets: `<id>@<host>`. An email that is sent again keeps it. */
  messageId: string
  date: Date
  to: string
  subject: string
  text: string
  html: string
}

/** Takes emails and sees that they arrive. */
export interface Transport {
  /**
   * Resolves once the email is taken. Whatever it throws, the email waits and is sent again, for 2 days at most; a
   * `DeliveryError` says how soon. The signal aborts when the site stops, and after 2 minutes.
   */
  send(mail: OutgoingMail, signal: AbortSignal): Promise<void>
}

/** `refused` is for good, `later` concerns this email, `unreachable` the server and so all emails. */
export type DeliveryProblem = 'refused' | 'later' | 'unreachable'

/** An email was not taken. */
export class DeliveryError extends Error {
  override readonly name = 'DeliveryError'

  constructor(
    readonly problem: DeliveryProblem,
    message: string,
  ) {
    super(message)
  }
}

const LONGEST_PROBLEM = 300

/** Servers repeat the address, and filters the link that they do not like; what they say is stored, and logged. */
export function withoutSecrets(sentence: string): string {
  return sentence
    .replaceAll(/https?:\S+/g, '…')
    .replaceAll(/("[^"]*"|[^\s<>"]+)@[^\s<>"]+/g, '…')
    .replaceAll(/[\w-]{43,}/g, '…')
    .replaceAll(/[\s\p{C}]+/gu, ' ')
    .slice(0, LONGEST_PROBLEM)
}
