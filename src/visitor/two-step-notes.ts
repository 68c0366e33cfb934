import type { Context } from 'koa'
import { newSetUp, type SetUp } from '../accounts/two-step.js'
import { MINUTE } from '../base/durations.js'
import { codesOf, newSeed } from '../secrets/recovery.js'
import { keep, keptText } from '../web/session.js'
import type { Gatehouse } from './gatehouse.js'
import { loginOf } from './logins.js'

const SET_UP = 'two-step-setup'
const CODES = 'recovery-codes'
const NEXT = 'next-recovery-codes'

const SET_UP_LIFE = 30 * MINUTE
export const CODES_LIFE = 10 * MINUTE

interface Noted {
  /** UTC milliseconds. */
  at: number
}

/** Returns the same secret for the whole session, so that a reload and another tab show the same QR code. */
export async function setUpOf(ctx: Context, gatehouse: Gatehouse): Promise<SetUp> {
  const kept = keptSetUp(ctx, gatehouse)
  if (kept !== undefined) return kept
  const made = await newSetUp()
  note(ctx, gatehouse, SET_UP, made)
  return made
}

export function keptSetUp(ctx: Context, gatehouse: Gatehouse): SetUp | undefined {
  const noted = notedIn(ctx, gatehouse, SET_UP, SET_UP_LIFE)
  return isSetUp(noted) ? noted : undefined
}

function isSetUp(value: object | undefined): value is SetUp {
  return value !== undefined && 'secret' in value && 'seed' in value
}

export function forgetSetUp(ctx: Context): void {
  keep(ctx, { [SET_UP]: undefined })
}

/** Returns the seed of the next recovery codes, so that a repeated form creates them once. */
export function nextSeedOf(ctx: Context, gatehouse: Gatehouse): string {
  const kept = seedIn(notedIn(ctx, gatehouse, NEXT, SET_UP_LIFE))
  if (kept !== undefined) return kept
  const seed = newSeed()
  note(ctx, gatehouse, NEXT, { seed })
  return seed
}

export function keepCodes(ctx: Context, gatehouse: Gatehouse, seed: string): void {
  note(ctx, gatehouse, CODES, { seed })
  keep(ctx, { [NEXT]: undefined })
}

export function newCodesOf(ctx: Context, gatehouse: Gatehouse): string[] | undefined {
  const seed = seedIn(notedIn(ctx, gatehouse, CODES, CODES_LIFE))
  return seed === undefined ? undefined : codesOf(seed)
}

function seedIn(noted: object | undefined): string | undefined {
  return noted !== undefined && 'seed' in noted && typeof noted.seed === 'string' ? noted.seed : undefined
}

export function forgetCodes(ctx: Context): void {
  keep(ctx, { [CODES]: undefined })
}

// Encrypted, because the app's own session may be readable.
function note(ctx: Context, { cipher, now }: Gatehouse, name: string, content: object): void {
  keep(ctx, { [name]: cipher.encrypt(JSON.stringify({ ...content, at: now() }), bindingOf(ctx, name)) })
}

function notedIn(ctx: Context, { cipher, now }: Gatehouse, name: string, life: number): object | undefined {
  const text = cipher.decrypt(keptText(ctx, name) ?? '', bindingOf(ctx, name))
  if (text === undefined) return undefined
  const noted: Noted = JSON.parse(text)
  const age = now() - noted.at
  return age >= 0 && age < life ? noted : undefined
}

function bindingOf(ctx: Context, name: string): string {
  return `${name} in ${loginOf(ctx).session.id}`
}
