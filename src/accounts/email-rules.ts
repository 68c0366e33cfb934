import { isInvisible, withoutInvisible } from '../base/characters.js'
import type { Broken } from '../web/form.js'
import { isEmailAddress } from './email-keys.js'

import { type Field, lengthOf } from './field.js'

export const EMAIL_MAX = 254

const EMAIL_INVALID: Broken = {
  field: 'email',
  code: 'email_invalid',
  sentence: 'E-mail: an address like name@example.com.',
}

export const email: Field = {
  missing: { field: 'email', code: 'email_missing', sentence: 'Enter your e-mail address.' },
  long: { ...EMAIL_INVALID, isBroken: (address) => lengthOf(address) > EMAIL_MAX },
  rules: [
    {
      field: 'email',
      code: 'email_invisible',
      sentence:
        'The email address contains a character that cannot be seen. Type the address instead of pasting it.',
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

export const EMAIL_TAKEN: Broken = {
  field: 'email',
  code: 'email_taken',
  sentence: 'This e-mail address is already in use.',
}
