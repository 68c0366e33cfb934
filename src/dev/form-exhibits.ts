import { NO_PASSWORD, PASSWORD_WRONG } from '../accounts/authentication.js'
import { NOT_A_CODE } from '../accounts/codes.js'
import * as fields from '../accounts/fields.js'
import { PASSKEY_WRONG } from '../accounts/passkey-proof.js'
import { DEVICE_REVOKED } from '../features/account/devices.js'
import * as accountName from '../features/account/name.js'
import * as accountPassword from '../features/account/password.js'
import { NO_NAME, NO_USERNAME } from '../features/login.js'
import { TYPED_TOO_OLD } from '../features/password/confirm.js'
import * as passwordForgot from '../features/password/forgot.js'
import { CODE_RIGHT } from '../features/password/reset/code.js'
import * as passwordReset from '../features/password/reset.js'
import * as signup from '../features/signup/signing-up.js'
import { GO_ON, LOGGED_IN } from '../visitor/welcome.js'
import type { FieldError } from '../web/form.js'
import { adminForms } from './admin-forms.js'
import { emailForms } from './email-forms.js'
import type { Exhibit, Setting } from './exhibit.js'
import { exampleHints, exampleHintsOn, type FormPage, statesOf } from './form-page.js'
import { passkeyForms } from './passkey-forms.js'
import { devicesOf } from './samples.js'
import { twoStepForms } from './two-step-forms.js'

export function formExhibits(setting: Setting): Exhibit[] {
  return forms(setting).flatMap((page) => statesOf(page, setting))
}

function forms({ now, rules }: Setting): FormPage[] {
  const newPassword = [
    ...fields.check(fields.newPassword(rules, []), 'abc'),
    ...fields.check(fields.repeated('abc'), 'abd'),
  ]
  return [
    ...loginForms(newPassword),
    ...passwordForms(newPassword),
    ...emailForms(),
    ...accountForms(newPassword),
    ...[false, true].map((isAlone) => devicesPage(now, { isAlone })),
    ...twoStepForms(now),
    ...passkeyForms(now),
    ...adminForms(now),
    MEMBERS_PAGE,
  ]
}

const PASSWORDS = ['password', 'repassword']

function loginForms(newPassword: FieldError[]): FormPage[] {
  return [
    ...([undefined, 'passkey', 'invited'] as const).map((variant) => signupPage(newPassword, variant)),
    {
      name: 'signup',
      variant: 'email',
      around: () => ({ asksUsername: false }),
      secret: PASSWORDS,
      typed: ({ user }) => ({ email: user.email }),
      errors: [...fields.check(fields.email, 'x'), ...newPassword],
      hints: exampleHints().filter(({ field }) => field !== 'username'),
      success: { ...signup.SIGNED_UP, params: { name: 'anna@example.com' } },
      onward: signup.GO_ON,
    },
    {
      name: 'signup',
      variant: 'username',
      around: () => ({ asksEmail: false }),
      secret: PASSWORDS,
      typed: ({ user }) => ({ username: user.name }),
      errors: [...fields.check(fields.username, 'a!'), ...newPassword],
      hints: exampleHints().filter(({ field }) => field !== 'email'),
      success: { ...signup.SIGNED_UP, params: { name: 'Anna' } },
      onward: signup.GO_ON,
    },
    ...[false, true].map((hasPasskeys) => loginPage(hasPasskeys)),
    {
      name: 'login',
      variant: 'username',
      around: () => ({ asksEmail: false }),
      given: { next: '/members/' },
      typed: ({ user }) => ({ username: user.name, keep: 'on' }),
      errors: [NO_NAME, NO_PASSWORD],
      success: LOGGED_IN,
      onward: GO_ON,
    },
  ]
}

function signupPage(newPassword: FieldError[], variant: 'passkey' | 'invited' | undefined): FormPage {
  const isInvited = variant === 'invited'
  return {
    name: 'signup',
    ...(variant !== undefined && { variant }),
    around: ({ user }) => ({
      hasPasskey: variant === 'passkey',
      ...(isInvited && { invitation: { email: user.email } }),
    }),
    secret: PASSWORDS,
    typed: ({ user }) => ({ username: user.name, email: user.email }),
    errors: [
      ...fields.check(fields.username, 'a!'),
      ...(isInvited ? [] : fields.check(fields.email, 'x')),
      ...newPassword,
    ],
    hints: exampleHints(),
    success: { ...signup.SIGNED_UP, params: { name: 'Anna' } },
    onward: signup.GO_ON,
  }
}

function loginPage(hasPasskeys: boolean): FormPage {
  return {
    name: 'login',
    ...(hasPasskeys && { variant: 'passkey' }),
    around: () => ({ passkey: hasPasskeys ? '{}' : undefined }),
    given: { next: '/members/' },
    typed: ({ user }) => ({ username: user.name, keep: 'on' }),
    errors: hasPasskeys ? [PASSKEY_WRONG] : [NO_USERNAME, NO_PASSWORD],
    success: LOGGED_IN,
    onward: GO_ON,
  }
}

function passwordForms(newPassword: FieldError[]): FormPage[] {
  return [
    {
      name: 'password/confirm',
      isUsers: true,
      secret: ['password'],
      typed: () => ({ _typed: 'sealed', next: '/members/recent/' }),
      errors: [PASSWORD_WRONG],
      success: TYPED_TOO_OLD,
    },
    {
      name: 'password/confirm',
      variant: 'passkey',
      isUsers: true,
      secret: ['password'],
      around: () => ({ passkey: '{}', isWithout: true }),
      typed: () => ({ next: '/members/recent/' }),
      errors: [PASSKEY_WRONG],
      success: TYPED_TOO_OLD,
    },
    {
      name: 'password/forgot',
      typed: ({ user }) => ({ username: user.email }),
      errors: [passwordForgot.NO_USERNAME],
      success: passwordForgot.SENT,
      onward: passwordForgot.GO_ON,
    },
    ...resetForms(newPassword),
  ]
}

function resetForms(newPassword: FieldError[]): FormPage[] {
  return [
    {
      name: 'password/reset',
      variant: 'code',
      around: () => ({ asks: 'code', name: '' }),
      typed: () => ({ code: '12345' }),
      errors: [NOT_A_CODE],
      success: CODE_RIGHT,
    },
    {
      name: 'password/reset',
      variant: 'password',
      secret: PASSWORDS,
      around: ({ user }) => ({ asks: 'password', name: user.name }),
      typed: () => ({}),
      errors: newPassword,
      hints: exampleHintsOn('password'),
      success: passwordReset.RESET,
      onward: passwordReset.LOG_IN,
    },
  ]
}

function accountForms(newPassword: FieldError[]): FormPage[] {
  return [
    {
      name: 'account/name',
      isUsers: true,
      typed: ({ user }) => ({ username: user.name }),
      errors: fields.check(fields.username, 'a!'),
      hints: exampleHintsOn('username'),
      success: { ...accountName.NAME_CHANGED, params: { name: 'Anna' } },
      onward: accountName.GO_ON,
    },
    ...Object.entries(PASSWORD_VARIANTS).map(([variant, around]) => ({
      name: 'account/password',
      variant,
      isUsers: true,
      around: () => around,
      secret: ['current', ...PASSWORDS],
      typed: () => ({}),
      errors: [...('isWithout' in around ? [] : [accountPassword.CURRENT_MISSING]), ...newPassword],
      hints: exampleHintsOn('password'),
      success: { ...accountPassword.CHANGED_EVERYWHERE, params: { count: 2 } },
      onward: accountPassword.GO_ON,
    })),
  ]
}

const PASSWORD_VARIANTS = {
  only: {},
  passkeys: { hasPasskeys: true, canRemove: false },
  removable: { hasPasskeys: true, canRemove: true },
  without: { isWithout: true },
}

const MEMBERS_PAGE: FormPage = {
  name: 'members/recent',
  isUsers: true,
  typed: ({ words }) => ({ note: words }),
  errors: [
    {
      field: 'note',
      code: 'note_long',
      sentence: 'Your note must be {max} characters or fewer.',
      params: { max: 200 },
    },
  ],
  success: { code: 'note_kept', sentence: 'Your note is saved.' },
}

function devicesPage(now: number, { isAlone }: { isAlone: boolean }): FormPage {
  const id = isAlone ? 'one' : 'two'
  return {
    name: 'account/devices',
    ...(isAlone && { variant: 'alone' }),
    isUsers: true,
    around: (person) => ({ devices: devicesOf(person, now).slice(0, isAlone ? 1 : undefined) }),
    typed: () => ({ device: isAlone ? 'this' : id, name: 'x'.repeat(41) }),
    errors: fields
      .check(fields.deviceName, 'x'.repeat(41))
      .map((error) => ({ ...error, field: `name-${id}` })),
    success: DEVICE_REVOKED,
  }
}
