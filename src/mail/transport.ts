export interface OutgoingMail {
  /** `<id>@<host>` without angle brackets. The same when an email is sent again. */
  messageId: string
  date: Date
  to: string
  subject: string
  text: string
  html: string
}

export interface Transport {
  /** Resolves once the email is accepted. If it throws, the email is sent again for up to 2 days; a `DeliveryError`
   * decides how soon. The signal aborts on shutdown, after 2 minutes, and when another process may soon send the email. */
  send(mail: OutgoingMail, signal: AbortSignal): Promise<void>
}

/** `refused`: permanently. `later`: this email, for now. `unreachable`: the server, so every email. */
export type DeliveryProblem = 'refused' | 'later' | 'unreachable'

export class DeliveryError extends Error {
  override readonly name = 'DeliveryError'

  constructor(
    readonly problem: DeliveryProblem,
    message: string,
  ) {
    super(message)
  }
}

const MAX_PROBLEM_LENGTH = 300

// Servers repeat addresses, and spam filters repeat links. The result is stored and logged.
export function withoutSecrets(sentence: string): string {
  return sentence
    .replaceAll(/https?:\S+/g, '…')
    .replaceAll(/("[^"]*"|[^\s<>"]+)@[^\s<>"]+/g, '…')
    .replaceAll(/[\w-]{43,}/g, '…')
    .replaceAll(/[\s\p{C}]+/gu, ' ')
    .slice(0, MAX_PROBLEM_LENGTH)
}
