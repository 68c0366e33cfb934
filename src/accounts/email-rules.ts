import { isInvisible, withoutInvisible } from '../base/characters.js'
import type { FieldError } from '../web/form.js'
import { isEmailAddress } from './email-keys.js'

import { type Field, lengthOf } from './field.js'

export const EMAIL_MAX = 254

const EMAIL_INVALID: FieldError = {
  field: 'email',
  code: 'email_invalid',
  sentence: 'Enter an email address like name@example.com.',
}

export const email: Field = {
  missing: { field: 'email', code: 'email_missing', sentence: 'Enter your email address.' },
  long: { ...EMAIL_INVALID, isBroken: (address) => lengthOf(address) > EMAIL_MAX },
  rules: [
    {
      field: 'email',
      code: 'email_invisible',
      sentence: 'Email address must not include invisible characters. Type it instead of pasting it.',
      isBroken: isOnlyInvisible,
    },
    {
      ...EMAIL_INVALID,
      isBroken: (address) => !(isEmailAddress(address) || isOnlyInvisible(address)),
    },
  ],
}

function isOnlyInvisible(address: string): boolean {
  return isInvisible(address) && isEmailAddress(withoutInvisible(address))
}

export const EMAIL_TAKEN: FieldError = {
  field: 'email',
  code: 'email_taken',
  sentence: 'There is already an account with this email address.',
}
