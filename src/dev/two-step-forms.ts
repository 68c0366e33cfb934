import { SECOND_WRONG } from '../accounts/second-step.js'
import { DAY, HOUR } from '../base/durations.js'
import { APP_ON } from '../features/account/authenticator.js'
import { MADE } from '../features/account/recovery-codes.js'
import { OFF } from '../features/account/two-step.js'
import { CODES_LIFE } from '../visitor/two-step-notes.js'
import { GO_ON, LOGGED_IN } from '../visitor/welcome.js'
import { LIMITED } from './exhibit.js'
import type { FormPage } from './form-page.js'

export function twoStepForms(now: number): FormPage[] {
  return [
    {
      name: 'login/two-step',
      around: ({ user }) => ({ name: user.name, passkey: '{}', hasApp: true }),
      typed: () => ({ code: '123', trust: 'on' }),
      errors: [SECOND_WRONG],
      success: LOGGED_IN,
      onward: GO_ON,
    },
    {
      name: 'password/confirm',
      variant: 'code',
      isUsers: true,
      secret: ['code'],
      around: () => ({ passkey: '{}' }),
      given: { asks: 'code' },
      typed: () => ({ asks: 'code', next: '/account/two-step/' }),
      errors: [SECOND_WRONG],
      success: LOGGED_IN,
    },
    ...[false, true].map((isOn) => appPage(isOn)),
    ...overviews(now),
    ...codePages(now),
  ]
}

// Made up: no app can read it.
const QR = { size: 25, path: 'M4 4h7v1H4zM14 4h7v1H14zM4 10h7v1H4zM14 10h7v1H14zM4 20h7v1H4z' }

function appPage(isOn: boolean): FormPage {
  const uri = 'otpauth://totp/Gatehouse:Anna?secret=MADEUP'
  return {
    name: 'account/authenticator',
    variant: isOn ? 'replace' : 'first',
    isUsers: true,
    around: () => ({ isOn, uri, qr: QR, key: 'MADE UPMA DEUP MADE UPMA DEUP MADE UPMA' }),
    typed: () => ({ code: '123' }),
    errors: [SECOND_WRONG],
    success: APP_ON,
  }
}

function overviews(now: number): FormPage[] {
  const app = { createdAt: now - DAY, usedAt: now - HOUR }
  const codes = { left: 7, all: 10, madeAt: now - DAY }
  const variants = {
    off: { isOn: false, canTurnOn: true },
    unconfirmed: { isOn: false, canTurnOn: false },
    on: { isOn: true, since: now - DAY, app, codes, trusted: now + DAY },
    ahead: { isOn: true, since: now - DAY, app, isAppAhead: true, codes },
  }
  return Object.entries(variants).map(([variant, around]) => ({
    name: 'account/two-step',
    variant,
    isUsers: true,
    around: () => around,
    typed: () => ({}),
    errors: [LIMITED],
    success: OFF,
  }))
}

function codePages(now: number): FormPage[] {
  const codes = Array.from({ length: 10 }, (_, index) => `1234${index} 67890 12345 67890`)
  const variants = {
    new: { codes, life: CODES_LIFE, shownAt: now },
    left: { count: { left: 3, all: 10, madeAt: now - DAY } },
  }
  return Object.entries(variants).map(([variant, around]) => ({
    name: 'account/recovery-codes',
    variant,
    isUsers: true,
    around: () => around,
    typed: () => ({}),
    errors: [LIMITED],
    success: MADE,
  }))
}
