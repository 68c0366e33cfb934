import type { Db } from './schema.js'

/** Every address `/users/<slug>/` that leads somewhere, so that one constraint decides who has it. */
export interface SlugsTable {
  slug: string
  user_id: string
  /** When a former slug becomes free again, UTC milliseconds; null for a user's current one. */
  until: number | null
}

/** Takes the slug for the user, or answers false if it is somebody's, now or formerly. */
export async function claim(db: Db, { slug, userId }: { slug: string; userId: string }): Promise<boolean> {
  const claimed = await db
    .insertInto('slugs')
    .values({ slug, user_id: userId, until: null })
    .onConflict((conflict) => conflict.doNothing())
    .returning('slug')
    .executeTakeFirst()
  return claimed !== undefined
}

export async function isHeld(db: Db, slug: string): Promise<boolean> {
  return (
    (await db.selectFrom('slugs').select('slug').where('slug', '=', slug).executeTakeFirst()) !== undefined
  )
}
