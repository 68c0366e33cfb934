import type { Context } from 'koa'
import { CODE_WRONG, checkCode, normalizeCode } from '../../../accounts/codes.js'
import { loginKeyOf } from '../../../accounts/fields.js'
import { REPEAT_WINDOW } from '../../../accounts/lifetimes.js'
import { RESET_LIFE } from '../../../accounts/mail-kinds.js'
import { hashOf } from '../../../secrets/token.js'
import * as tokens from '../../../tables/tokens.js'
import * as users from '../../../tables/users.js'
import type { Gatehouse } from '../../../visitor/gatehouse.js'
import { keepLink } from '../../../visitor/links.js'
import { originOf } from '../../../visitor/origin.js'
import type { FieldError } from '../../../web/form.js'
import { fingerprint, type Sent } from '../../../web/submit.js'

export const PURPOSE = 'password-reset'

export const CODE_RIGHT = {
  code: 'password_reset_code',
  sentence: 'The code is correct. Choose a new password.',
}

interface Entered {
  /** The username or email address that the email was asked for. */
  asked: string
  values: Sent<'code'>
}

export async function openByCode(
  ctx: Context,
  gatehouse: Gatehouse,
  { asked, values }: Entered,
): Promise<FieldError[]> {
  const token = tokenOfForm(ctx, gatehouse, values, asked)
  const errors = (await hasOpened(gatehouse, token))
    ? []
    : await open(ctx, gatehouse, { asked, values, token })
  if (errors.length > 0 && !(await hasOpened(gatehouse, token))) return errors
  keepLink(ctx, PURPOSE, token)
  return []
}

// Derived from the CSRF secret, so that the same form gets the same token after a lost response.
function tokenOfForm(ctx: Context, gatehouse: Gatehouse, values: Sent<'code'>, asked: string): string {
  return hashOf(`reset by ${fingerprint(ctx, gatehouse, values, asked, normalizeCode(values.code))}`)
}

async function hasOpened({ database, now }: Gatehouse, token: string): Promise<boolean> {
  const opened = await tokens.byHash(database.main, hashOf(token), PURPOSE)
  return opened !== undefined && opened.usedAt === null && now() - opened.createdAt < REPEAT_WINDOW
}

// For an unknown username every code is wrong, and is counted the same way.
async function open(
  ctx: Context,
  gatehouse: Gatehouse,
  { asked, values, token }: Entered & { token: string },
): Promise<FieldError[]> {
  const account = await users.byLogin(gatehouse.database.main, loginKeyOf(asked))
  const userId = account?.user.id ?? `nobody called ${loginKeyOf(asked)}`
  const checked = await checkCode(
    originOf(ctx, gatehouse),
    gatehouse,
    { userId, purpose: PURPOSE, typedAs: loginKeyOf(asked) },
    values.code,
  )
  if (!checked.ok) return [checked.error]
  return (await openByHash(gatehouse, checked.hash, token)) ? [] : [CODE_WRONG]
}

// Uses a token of its own, so that the emailed link works, too, until one of them is used.
function openByHash(gatehouse: Gatehouse, hash: string, token: string): Promise<boolean> {
  const now = gatehouse.now()
  return gatehouse.database.write(async (transaction) => {
    const spent = await tokens.spendCode(transaction, hash, PURPOSE)
    if (spent === undefined) return false
    const { userId, email, emailKey } = spent
    await tokens.insert(transaction, {
      hash: hashOf(token),
      purpose: PURPOSE,
      userId,
      email,
      emailKey,
      codeMac: null,
      codeExpiresAt: now,
      now,
      expiresAt: now + RESET_LIFE,
    })
    return true
  })
}
