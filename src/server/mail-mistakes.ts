import type { Environment } from './environment.js'

/** Returns the conflicts between the settings for emails. */
export function mailMistakes(data: Environment, { production }: { production: boolean }): string[] {
  if (data.EMAILS === 'none') return withoutEmails(data)
  const isOff = data.MAIL === 'off'
  const isUnset = data.SMTP_URL === undefined
  const isRequired = data.EMAIL_CONFIRMATION === 'required'
  const isPrivate = data.PRIVATE_EMAILS === 'true'
  const mistakes: [is: unknown, sentence: string][] = [
    [
      production && !isOff && isUnset,
      'SMTP_URL must be set in production, to send emails. Set MAIL=off to run without emails and the pages that need them.',
    ],
    [
      !production && !isOff && !isUnset && data.BASE_URL === undefined,
      'BASE_URL must be set with SMTP_URL. The links in emails begin with it.',
    ],
    [
      isOff && isRequired,
      'EMAIL_CONFIRMATION cannot be required with MAIL=off. No address could be confirmed.',
    ],
    [data.USERNAMES === 'made' && isPrivate, 'USERNAMES cannot be made with PRIVATE_EMAILS=true.'],
    [data.CONFIRMATION_GRACE && !isRequired, 'EMAIL_CONFIRMATION must be required with CONFIRMATION_GRACE.'],
    [data.CONFIRMATION_GRACE && isPrivate, 'CONFIRMATION_GRACE cannot be set with PRIVATE_EMAILS=true.'],
    [isPrivate && !isRequired, 'EMAIL_CONFIRMATION must be required with PRIVATE_EMAILS=true.'],
    [
      isOff && data.SIGNUP === 'invited',
      'SIGNUP cannot be invited with MAIL=off. No invitation could be sent.',
    ],
    [isOff && data.MAIL_ON_JUMP === 'on', 'MAIL_ON_JUMP cannot be on with MAIL=off.'],
  ]
  return mistakes.filter(([is]) => is).map(([, sentence]) => sentence)
}

function withoutEmails(data: Environment): string[] {
  const after = data.LOGIN_AFTER ?? []
  const mistakes: [is: unknown, beginning: string][] = [
    [data.EMAIL_CONFIRMATION === 'required', 'EMAIL_CONFIRMATION cannot be required'],
    [data.CONFIRMATION_GRACE, 'CONFIRMATION_GRACE cannot be set'],
    [data.PRIVATE_EMAILS === 'true', 'PRIVATE_EMAILS cannot be true'],
    [data.SIGNUP === 'invited', 'SIGNUP cannot be invited'],
    [data.USERNAMES === 'made', 'USERNAMES cannot be made'],
    [after.some((event) => event !== 'signup'), 'LOGIN_AFTER can only be signup'],
    [data.MAIL_ON_JUMP === 'on', 'MAIL_ON_JUMP cannot be on'],
  ]
  return mistakes
    .filter(([is]) => is)
    .map(([, beginning]) => `${beginning} with EMAILS=none. Accounts have no email address.`)
}
