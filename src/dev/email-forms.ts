import { PASSWORD_WRONG } from '../accounts/authentication.js'
import { CODE_WRONG } from '../accounts/codes.js'
import { TAKEN_MEANWHILE } from '../accounts/email-address.js'
import * as fields from '../accounts/fields.js'
import { PASSKEY_WRONG } from '../accounts/passkey-proof.js'
import * as emailChange from '../features/account/email/confirm.js'
import * as accountEmail from '../features/account/email.js'
import * as emailConfirm from '../features/email/confirm.js'
import { exampleHintsOn, type FormPage } from './form-page.js'

export function emailForms(): FormPage[] {
  return [
    ...(['code', 'password', 'passkey', 'nothing'] as const).map((asks) => confirmPage(asks)),
    {
      name: 'email/confirm/address',
      typed: ({ user }) => ({ email: user.email }),
      errors: [fields.EMAIL_TAKEN],
      hints: exampleHintsOn('email'),
      success: { ...emailConfirm.CORRECTED, params: { email: 'anna@example.org' } },
      onward: emailConfirm.GO_ON,
    },
    ...[false, true].map((isPending) => emailPage(isPending)),
    ...[false, true].map((asksPassword) => emailConfirmPage(asksPassword)),
  ]
}

const CONFIRM_ERRORS = {
  code: CODE_WRONG,
  password: PASSWORD_WRONG,
  passkey: PASSKEY_WRONG,
  nothing: TAKEN_MEANWHILE,
}

function confirmPage(asks: keyof typeof CONFIRM_ERRORS): FormPage {
  return {
    name: 'email/confirm',
    variant: asks,
    secret: ['password'],
    around: ({ user }) => ({ asks, name: user.name, email: user.email }),
    typed: () => (asks === 'code' ? { code: '12345' } : {}),
    errors: [CONFIRM_ERRORS[asks]],
    success: { ...emailConfirm.CONFIRMED, params: { email: 'anna@example.com' } },
    onward: emailConfirm.GO_ON,
  }
}

function emailPage(isPending: boolean): FormPage {
  return {
    name: 'account/email',
    ...(isPending && { variant: 'pending' }),
    isUsers: true,
    around: ({ user, nextEmail }) => ({
      email: user.email,
      isConfirmed: !isPending,
      nextEmail: isPending ? nextEmail : null,
    }),
    typed: ({ nextEmail }) => ({ email: nextEmail }),
    errors: [fields.EMAIL_TAKEN],
    hints: exampleHintsOn('email'),
    success: { ...accountEmail.ASKED, params: { email: 'anna@example.org' } },
  }
}

function emailConfirmPage(asksPassword: boolean): FormPage {
  return {
    name: 'account/email/confirm',
    ...(asksPassword && { variant: 'password' }),
    secret: ['password'],
    around: ({ user, nextEmail }) => ({
      asksPassword,
      name: user.name,
      present: user.email,
      email: nextEmail,
    }),
    typed: () => ({}),
    errors: [asksPassword ? PASSWORD_WRONG : TAKEN_MEANWHILE],
    success: { ...emailChange.CHANGED, params: { name: 'Anna', email: 'anna@example.org' } },
    onward: emailChange.GO_ON,
  }
}
