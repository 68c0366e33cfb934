import { isServer, skipLocked } from '../database/dialect.js'
import { statement } from '../database/statement.js'
import type { Db } from './schema.js'

// Current and previous slugs in one table, so that one constraint keeps them unique.
export interface SlugsTable {
  slug: string
  user_id: string
  /** When a previous slug becomes free; null for the current one. */
  until: number | null
}

interface Claim {
  slug: string
  userId: string
  now: number
}

export async function claim(db: Db, { slug, userId, now }: Claim): Promise<boolean> {
  return (await claimOne(db, { slug, userId, now })).length > 0
}

const claimOne = statement((db: Db, { slug, userId, now }: Pick<Claim, keyof Claim>) =>
  db
    .insertInto('slugs')
    .values({ slug, user_id: userId, until: null })
    .onConflict((conflict) =>
      conflict
        .column('slug')
        .doUpdateSet({ user_id: userId, until: null })
        .where(({ eb, or }) => or([eb('slugs.until', '<=', now), eb('slugs.user_id', '=', userId)])),
    )
    .returning('slug'),
)

export async function release(db: Db, { slug, userId }: Omit<Claim, 'now'>, until: number): Promise<void> {
  await db
    .updateTable('slugs')
    .set({ until })
    .where('slug', '=', slug)
    .where('user_id', '=', userId)
    .execute()
}

export interface Slug {
  slug: string
  until: number | null
}

export async function ofUser(db: Db, userId: string): Promise<Slug[]> {
  return db
    .selectFrom('slugs')
    .select(['slug', 'until'])
    .where('user_id', '=', userId)
    .orderBy('until', (order) => order.asc().nullsFirst())
    .orderBy('slug')
    .execute()
}

export async function isHeld(
  db: Db,
  slug: string,
  { now, userId }: { now: number; userId?: string },
): Promise<boolean> {
  const [row] = await ownerOf(db, { slug })
  if (row === undefined || row.user_id === userId) return false
  return row.until === null || row.until > now
}

const ownerOf = statement((db: Db, { slug }: { slug: string }) =>
  db.selectFrom('slugs').select(['user_id', 'until']).where('slug', '=', slug),
)

export async function heldAmong(db: Db, among: readonly string[], now: number): Promise<string[]> {
  const rows = await db
    .selectFrom('slugs')
    .select('slug')
    .where('slug', 'in', among)
    .where(({ eb, or }) => or([eb('until', 'is', null), eb('until', '>', now)]))
    .execute()
  return rows.map(({ slug }) => slug)
}

export async function sweep(
  db: Db,
  { now, batch, skip = 0 }: { now: number; batch: number; skip?: number },
): Promise<number> {
  const ended = await db
    .deleteFrom('slugs')
    .where('slug', 'in', (slugs) =>
      slugs
        .selectFrom('slugs')
        .select('slug')
        .where('until', '<=', now)
        .limit(batch)
        .offset(skip)
        .$if(isServer(db), skipLocked),
    )
    // Checked again on the locked row, because someone may have taken the slug.
    .where('until', '<=', now)
    .returning('slug')
    .execute()
  return ended.length
}
