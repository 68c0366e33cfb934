import type { Context } from 'koa'
import * as users from '../tables/users.js'
import { refuseCrossSite } from '../web/csrf.js'
import { type Message, textFields } from '../web/form.js'
import { formOf } from '../web/submit.js'
import { encryptTyped, keepTyped, pageOfForm } from './drafts.js'
import { gatehouseOf } from './gatehouse.js'
import { loginOf } from './logins.js'
import { CODE, passwordConfirm } from './proofs.js'

export const PASSWORD_NEEDED = {
  code: 'password_needed',
  sentence: 'Enter your password first. Nothing has been changed yet.',
}
const TYPED_TOO_LONG = {
  code: 'typed_too_long',
  sentence: 'Enter your password first. What you typed is too long to keep: go back and copy it.',
}
export const OTHER_ACCOUNT = {
  code: 'page_of_another_account_guarded',
  sentence: 'This page was opened for another account. You are now logged in as {name}. Nothing was changed.',
}
export const OPEN_AGAIN = { code: 'open_page_again', sentence: 'Open the page again' }
export const ENTER_PASSWORD = { code: 'enter_password', sentence: 'Enter your password' }
const CODE_NEEDED = {
  code: 'second_needed',
  sentence: 'Enter a code from your authenticator app first. Nothing has been changed yet.',
}
const CODE_NEEDED_TOO_LONG = {
  code: 'second_needed_too_long',
  sentence:
    'Enter a code from your authenticator app first. What you typed is too long to keep: go back and copy it.',
}
const ENTER_CODE = { code: 'enter_code', sentence: 'Enter a code' }

export const ASK_PASSWORD: Asking = {
  needed: PASSWORD_NEEDED,
  tooLong: TYPED_TOO_LONG,
  button: ENTER_PASSWORD,
  asks: '',
}
export const ASK_CODE: Asking = {
  needed: CODE_NEEDED,
  tooLong: CODE_NEEDED_TOO_LONG,
  button: ENTER_CODE,
  asks: CODE,
}

const ASK_PASSKEY: Asking = {
  needed: {
    code: 'passkey_needed',
    sentence: 'Use your passkey first. Nothing has been changed yet.',
  },
  tooLong: {
    code: 'passkey_needed_too_long',
    sentence: 'Use your passkey first. What you typed is too long to keep: go back and copy it.',
  },
  button: { code: 'use_passkey', sentence: 'Use a passkey' },
  asks: '',
}

interface Asking {
  needed: Message
  tooLong: Message
  button: Message
  asks: string
}

export async function ask(ctx: Context, asking: Asking): Promise<void> {
  const { pages, origin, log } = gatehouseOf(ctx)
  refuseCrossSite(ctx, { origin, log })
  const page = pageOfForm(ctx)
  const other = await pages.subjects.another(ctx, formOf(ctx), textFields(ctx)._csrf ?? '')
  if (other !== undefined) return await refuseOther(ctx, other, page)
  const { needed, tooLong, button, asks } = await askingFor(ctx, asking)
  const encrypted = encryptTyped(ctx, page)
  await pages.ask(ctx, passwordConfirm, {
    error: encrypted === undefined ? tooLong : needed,
    button,
    values: { asks, next: page ?? '', _typed: encrypted ?? '' },
  })
}

async function askingFor(ctx: Context, asking: Asking): Promise<Asking> {
  const account = await users.byId(gatehouseOf(ctx).database.main, loginOf(ctx).user.id)
  return asking === ASK_PASSWORD && account?.passwordHash === '' ? ASK_PASSKEY : asking
}

// The current user, logged in from another tab, must not confirm what the previous one was about to do.
async function refuseOther(ctx: Context, name: string, page: string | undefined): Promise<void> {
  const { pages, places } = gatehouseOf(ctx)
  keepTyped(ctx, page)
  const link = { href: page ?? places.home, message: OPEN_AGAIN }
  pages.problem(ctx, { status: 403, error: { ...OTHER_ACCOUNT, params: { name } }, link })
}
