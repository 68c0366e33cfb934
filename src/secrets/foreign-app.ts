import { ScureBase32Plugin } from 'otplib'
import { isAppSecret } from './authenticator.js'

const base32 = new ScureBase32Plugin()

export interface AppSettings {
  algorithm: string
  digits: string
  period: string
}

/** Reads base32 or an `otpauth` URL (Google Authenticator, "Key Uri Format"). Returns undefined if its codes differ from those
 * of Gatehouse, or the secret is too short. */
export function readAppSecret(text: string): string | undefined {
  if (!/^otpauth:/i.test(text)) return ofBase32(text)
  if (!URL.canParse(text)) return undefined
  const { host, searchParams } = new URL(text)
  const settingOf = (name: string) => searchParams.get(name) ?? ''
  const settings = {
    algorithm: settingOf('algorithm'),
    digits: settingOf('digits'),
    period: settingOf('period'),
  }
  return host.toLowerCase() === 'totp' && hasUsualSettings(settings)
    ? ofBase32(settingOf('secret'))
    : undefined
}

/** Whether codes have 6 digits, last 30 seconds and use SHA-1. '' is the default. */
export function hasUsualSettings({ algorithm, digits, period }: AppSettings): boolean {
  return (
    /^(?:(?:hmac-?)?sha-?1)?$/i.test(algorithm) && ['', '6'].includes(digits) && ['', '30'].includes(period)
  )
}

export function appSecretOf(bytes: Uint8Array): string | undefined {
  return isAppSecret(bytes) ? base32.encode(bytes) : undefined
}

function ofBase32(text: string): string | undefined {
  try {
    return appSecretOf(base32.decode(text.replaceAll(/[\s-]|=+$/g, '').toUpperCase()))
  } catch {
    return undefined
  }
}
