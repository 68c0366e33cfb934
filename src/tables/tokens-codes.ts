import type { Db } from './schema.js'
import { ofEnabled, type Purpose, type Token, tokenOf } from './tokens.js'

export async function countCodes(db: Db, { until, now }: { until: number; now: number }): Promise<number> {
  const { count } = await db
    .selectFrom('tokens')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('expires_at', '>', now)
    .where('code_expires_at', '>', now)
    .where('code_mac', 'is not', null)
    .where('used_at', 'is', null)
    .where('created_at', '<=', until)
    .executeTakeFirstOrThrow()
  return count
}

export async function tryCode(
  db: Db,
  { userId, purpose, now, tries }: { userId: string; purpose: Purpose; now: number; tries: number },
): Promise<{ hash: string; codeMac: string; tries: number } | undefined> {
  const row = await db
    .updateTable('tokens')
    .set(({ eb }) => ({ code_tries: eb('code_tries', '+', 1) }))
    .where('user_id', '=', userId)
    .where('purpose', '=', purpose)
    .where('code_mac', 'is not', null)
    .where('code_tries', '<', tries)
    .where('code_expires_at', '>', now)
    .where('used_at', 'is', null)
    .where(ofEnabled)
    .returning(['hash', 'code_mac', 'code_tries'])
    .executeTakeFirst()
  if (row === undefined || row.code_mac === null) return undefined
  return { hash: row.hash, codeMac: row.code_mac, tries: row.code_tries }
}

export async function spendCode(db: Db, hash: string, purpose: Purpose): Promise<Token | undefined> {
  const row = await db
    .updateTable('tokens')
    .set({ code_mac: null })
    .where('hash', '=', hash)
    .where('purpose', '=', purpose)
    .where('code_mac', 'is not', null)
    .where('used_at', 'is', null)
    .returningAll()
    .executeTakeFirst()
  return row && tokenOf(row)
}
