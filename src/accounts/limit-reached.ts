import type { Message } from '../web/form.js'
import type { LimitName, LimitRules } from './limit-rules.js'

export class LimitReached extends Error {
  override readonly name = 'LimitReached'
  readonly status = 429
  readonly rule: LimitName
  readonly retryAfter: number
  readonly visitorMessage: Message
  readonly #wait: number

  constructor(rule: LimitName, wait: number, messages: Messages = MESSAGES) {
    super(`The limit ${rule} is reached.`)
    this.rule = rule
    this.#wait = wait
    this.retryAfter = Math.max(1, Math.ceil(wait / 1000))
    this.visitorMessage = {
      ...(messages[rule] ?? TOO_MANY_ATTEMPTS),
      params: { when: { milliseconds: wait } },
    }
  }

  withReset(): LimitReached {
    return new LimitReached(this.rule, this.#wait, { ...MESSAGES, ...WITH_RESET })
  }
}

const TOO_MANY_ATTEMPTS = {
  code: 'too_many_attempts',
  sentence: 'Too many failed attempts. Try again {when}.',
}

const TOO_MANY_MAILS = {
  code: 'too_many_mails',
  sentence: 'Too many emails have been requested. Try again {when}.',
}

const TOO_MANY_CODES_HERE = {
  code: 'codes_paused',
  sentence:
    'Codes are blocked for a while, because too many wrong ones were entered. Use the link in the email, or try again {when}.',
}

const TOO_MANY_SECOND = {
  code: 'too_many_second',
  sentence: 'Too many wrong codes. Try again {when}.',
}

export type Messages = Readonly<Record<string, Message>>

export const MESSAGES: Messages & Record<keyof LimitRules, Message> = {
  loginName: TOO_MANY_ATTEMPTS,
  loginAccount: TOO_MANY_ATTEMPTS,
  loginNetwork: TOO_MANY_ATTEMPTS,
  loginDevice: TOO_MANY_ATTEMPTS,
  loginRow: {
    code: 'login_blocked',
    sentence:
      'Too many failed attempts in a row. Log in on a device you have used before, or try again {when}.',
  },
  signupNetwork: {
    code: 'too_many_signups',
    sentence: 'Too many accounts have been created from your network. Try again {when}.',
  },
  mailAddress: TOO_MANY_MAILS,
  mailAccount: TOO_MANY_MAILS,
  mailFailures: TOO_MANY_MAILS,
  mailNetwork: {
    code: 'too_many_mails_network',
    sentence: 'Too many emails have been requested from your network. Try again {when}.',
  },
  mailPause: {
    code: 'mail_just_sent',
    sentence: 'We have just sent an email. If it does not arrive, you can send another one {when}.',
  },
  codeAccount: {
    code: 'too_many_codes',
    sentence: 'Too many wrong codes. Use the link in the email, or try again {when}.',
  },
  codeNetwork: TOO_MANY_CODES_HERE,
  codeSite: TOO_MANY_CODES_HERE,
  secondAccount: TOO_MANY_SECOND,
  secondNetwork: {
    code: 'too_many_second_network',
    sentence: 'Too many wrong codes from your network. Try again {when}.',
  },
  secondDevice: TOO_MANY_SECOND,
  secondRow: {
    code: 'too_many_app_codes',
    sentence: 'Too many wrong codes in a row. Enter a recovery code, or try again {when}.',
  },
  secondNotice: TOO_MANY_SECOND,
  secondChange: {
    code: 'too_many_second_changes',
    sentence: 'Two-step verification has been changed too often. Try again {when}.',
  },
  secondLost: TOO_MANY_MAILS,
  passkeyChange: {
    code: 'too_many_passkey_changes',
    sentence: 'Passkeys have been created or removed too often. Try again {when}.',
  },
  renameAccount: {
    code: 'too_many_names',
    sentence: 'You have changed your username too often. Try again {when}.',
  },
  hintNetwork: TOO_MANY_ATTEMPTS,
  takenNetwork: {
    code: 'too_many_taken',
    sentence: 'Too many usernames and email addresses have been tried from your network. Try again {when}.',
  },
}

/** Where accounts have no email address. */
export const WITHOUT_EMAILS: Messages = {
  takenNetwork: {
    code: 'too_many_taken_names',
    sentence: 'Too many usernames have been tried from your network. Try again {when}.',
  },
}

const ATTEMPTS_OR_RESET = {
  code: 'too_many_attempts_reset',
  sentence: 'Too many failed attempts. Try again {when}, or choose a new password by email.',
}

const WITH_RESET: Messages = {
  loginName: ATTEMPTS_OR_RESET,
  loginAccount: ATTEMPTS_OR_RESET,
  loginNetwork: ATTEMPTS_OR_RESET,
  loginDevice: ATTEMPTS_OR_RESET,
  loginRow: {
    code: 'login_blocked_reset',
    sentence:
      'Too many failed attempts in a row. Choose a new password by email to log in right away, log in on a device you have used before, or try again {when}.',
  },
}
