import { checkSignupFields } from './accounts/hooks.js'
import { isSender, isSmtpUrl } from './mail/smtp.js'
import { type AccountsOptions, mailOf } from './options.js'
import { isPasskeyDomain } from './server/environment.js'
import { isBaseUrl } from './server/option-rules.js'
import { wholePrefixOf } from './web/base-path.js'
import { coversPages } from './web/sealed-cookie.js'

type Conflict = readonly [isConflict: boolean, sentence: string]

const PREFIX = /^(?:\/[\w-]+)*$/

export function refuseConflicts(options: AccountsOptions): void {
  checkSignupFields(options.signupFields ?? [])
  const conflicts = [withoutEmails, addresses, mailConflicts, confirmation, secondSteps].flatMap((of) =>
    of(options),
  )
  const [, sentence] = conflicts.find(([isConflict]) => isConflict) ?? []
  if (sentence !== undefined) throw new Error(sentence)
}

function addresses(options: AccountsOptions): Conflict[] {
  const { prefix = '', baseUrl, cookiePath = '/', passkeyDomain, passkeyOrigins } = options
  const isBase = baseUrl === undefined || isBaseUrl(baseUrl)
  const pages = isBase ? wholePrefixOf(options) : ''
  return [
    [!PREFIX.test(prefix), `Option prefix must look like /members, not ${prefix}.`],
    [
      !isBase,
      `Option baseUrl must look like https://example.com or https://example.com/members, not ${baseUrl}.`,
    ],
    [
      !coversPages(cookiePath, pages),
      `Option cookiePath must be a prefix of ${pages}, where the pages are, not ${cookiePath}.`,
    ],
    [
      passkeyDomain !== undefined && !isPasskeyDomain(passkeyDomain, baseUrl),
      'Option passkeyDomain must be the host of baseUrl or a parent domain of it.',
    ],
    [passkeyOrigins !== undefined && baseUrl === undefined, 'Option passkeyOrigins needs baseUrl.'],
  ]
}

function withoutEmails(options: AccountsOptions): Conflict[] {
  if (options.emails !== 'none') return []
  const { emailConfirmation, confirmationGrace = 0, privateEmails = false } = options
  const { signup, usernames, loginAfter = [], jumpMail = false } = options
  const conflicts: Conflict[] = [
    [emailConfirmation === 'required', "emailConfirmation cannot be 'required'"],
    [confirmationGrace > 0, 'confirmationGrace cannot be set'],
    [privateEmails, 'privateEmails cannot be true'],
    [signup === 'invited', "signup cannot be 'invited'"],
    [usernames === 'made', "usernames cannot be 'made'"],
    [loginAfter.some((event) => event !== 'signup'), "loginAfter can only have 'signup'"],
    [jumpMail, 'jumpMail cannot be true'],
  ]
  return conflicts.map(([isConflict, beginning]) => [
    isConflict,
    `Option ${beginning} with emails: 'none'. Accounts have no email address.`,
  ])
}

function mailConflicts(options: AccountsOptions): Conflict[] {
  const mail = mailOf(options)
  const isSent = typeof mail === 'object'
  const server = isSent && 'url' in mail ? mail : undefined
  const { baseUrl, emailConfirmation, signup } = options
  return [
    [
      isSent && baseUrl === undefined,
      'Option baseUrl must be set to send emails. Their links begin with it.',
    ],
    [
      // The URL is not repeated: it may contain a password.
      server !== undefined && !isSmtpUrl(server.url),
      'Option mail.url must look like smtp://mail.example.com or smtps://user:password@mail.example.com.',
    ],
    [
      server !== undefined && !isSender(server.from),
      'Option mail.from must be an email address, like no-reply@example.com.',
    ],
    [
      emailConfirmation === 'required' && mail === 'off',
      "Option emailConfirmation cannot be 'required' without mail. No address could be confirmed.",
    ],
    [
      signup === 'invited' && mail === 'off',
      "Option signup cannot be 'invited' without mail. No invitation could be sent.",
    ],
  ]
}

function confirmation(options: AccountsOptions): Conflict[] {
  const { privateEmails = false, confirmationGrace = 0, features, usernames } = options
  const isRequired = options.emailConfirmation === 'required'
  return [
    [
      isRequired && features?.['email/confirm'] === false,
      "Feature email/confirm cannot be off when emailConfirmation is 'required'.",
    ],
    [confirmationGrace > 0 && !isRequired, "Option confirmationGrace needs emailConfirmation: 'required'."],
    [
      // Until it is confirmed, someone else could use an address, and its owner could not sign up.
      confirmationGrace > 0 && privateEmails,
      'Option confirmationGrace cannot be set with privateEmails.',
    ],
    [
      // With privateEmails, only the username logs in to an unconfirmed account, and nobody remembers a made-up one.
      usernames === 'made' && privateEmails,
      "Option usernames cannot be 'made' with privateEmails.",
    ],
    [privateEmails && !isRequired, "Option privateEmails needs emailConfirmation: 'required'."],
  ]
}

function secondSteps({ features, secondStep = 'optional', secondStepFrom }: AccountsOptions): Conflict[] {
  const isOptional = secondStep === 'optional'
  return [
    [
      !isOptional && features?.['account/two-step'] === false,
      "Feature account/two-step cannot be off unless secondStep is 'optional'.",
    ],
    [
      isOptional && secondStepFrom !== undefined,
      "Option secondStepFrom needs secondStep: 'admins', 'required' or a function.",
    ],
  ]
}
