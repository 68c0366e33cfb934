import { isServer, skipLocked } from '../database/dialect.js'
import { statement } from '../database/statement.js'
import type { Db } from './schema.js'

/** Every address `/users/<slug>/` that leads somewhere, so that one constraint decides who has it. */
export interface SlugsTable {
  slug: string
  user_id: string
  /** When a former slug becomes free again, UTC milliseconds; null for a user's current one. */
  until: number | null
}

interface Claim {
  slug: string
  userId: string
  now: number
}

/** Takes the slug for the user, or answers false if it is somebody else's, now or formerly. */
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

/** Makes the user's slug a former one, which leads to the user until then. */
export async function leave(db: Db, { slug, userId }: Omit<Claim, 'now'>, until: number): Promise<void> {
  await db
    .updateTable('slugs')
    .set({ until })
    .where('slug', '=', slug)
    .where('user_id', '=', userId)
    .execute()
}

/** A slug that leads to its user. */
export interface Slug {
  slug: string
  /** When a former one stops to, UTC milliseconds; null for the current one. */
  until: number | null
}

/** The slugs of a user, the current one and the former ones. */
export async function ofUser(db: Db, userId: string): Promise<Slug[]> {
  return db
    .selectFrom('slugs')
    .select(['slug', 'until'])
    .where('user_id', '=', userId)
    .orderBy('until', (order) => order.asc().nullsFirst())
    .orderBy('slug')
    .execute()
}

/** Whether somebody other than `userId` has the slug, or had it until lately. */
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

/** Those of the slugs that somebody has, or had until lately. */
export async function heldAmong(db: Db, among: readonly string[], now: number): Promise<string[]> {
  const rows = await db
    .selectFrom('slugs')
    .select('slug')
    .where('slug', 'in', among)
    .where(({ eb, or }) => or([eb('until', 'is', null), eb('until', '>', now)]))
    .execute()
  return rows.map(({ slug }) => slug)
}

/** Deletes at most `batch` former slugs that nobody is held to any more, but the first `skip` of them, and answers how many. */
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
    // Asked again of the row itself, which somebody may take just now.
    .where('until', '<=', now)
    .returning('slug')
    .execute()
  return ended.length
}
