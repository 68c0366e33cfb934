import { isServer } from '../database/dialect.js'
import { statement } from '../database/statement.js'
import type { Db } from './schema.js'

export interface NewSession {
  id: string
  tokenHash: string
  userId: string
  kept: boolean
  loginForm: string
  device: string
  userAgent: string
  address: string
  methods: string
  secondAt: number | null
  now: number
  expiresAt: number
}

/** Returns undefined unless the account is open, enabled and has this stamp, which stays so until commit.
 * Ends the session `insteadOf`. A resubmitted form gets its session again (`isNew` is false). */
export async function open(
  db: Db,
  session: NewSession,
  { deviceStamp, insteadOf }: { deviceStamp: string; insteadOf?: string | undefined },
): Promise<{ id: string; isNew: boolean } | undefined> {
  const [stored] = await store(db, { ...session, kept: session.kept ? 1 : 0, deviceStamp })
  if (stored === undefined) return undefined
  const { id } = stored
  if (insteadOf !== undefined && insteadOf !== id)
    await db.deleteFrom('sessions').where('id', '=', insteadOf).execute()
  if ((stored.others ?? 0) >= MAX_SESSIONS) await endLeastRecent(db, { userId: session.userId })
  return { id, isNew: id === session.id }
}

type Stored = Omit<NewSession, 'kept'> & { kept: number; deviceStamp: string }

// One statement, because a round trip costs more than the query.
const store = statement((db: Db, session: Stored) => {
  const row = rowOf(session)
  return db
    .insertInto('sessions')
    .columns(keysOf(row))
    .expression((from) =>
      from
        .selectFrom('users')
        .select(({ val }) => keysOf(row).map((column) => val(row[column]).as(column)))
        .where('id', '=', session.userId)
        .where('device_stamp', '=', session.deviceStamp)
        .where('closed_at', 'is', null)
        .where('disabled_at', 'is', null)
        .$if(isServer(db), (users) => users.forNoKeyUpdate()),
    )
    .onConflict((conflict) =>
      conflict.columns(['user_id', 'login_form']).doUpdateSet({ ...repeatedRow(row), ...UNUSED }),
    )
    .returning(({ selectFrom }) => [
      'sessions.id',
      selectFrom('sessions as other')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('other.user_id', '=', session.userId)
        .as('others'),
    ])
})

function rowOf(session: Stored) {
  return {
    id: session.id,
    token_hash: session.tokenHash,
    user_id: session.userId,
    kept: session.kept,
    login_form: session.loginForm,
    device: session.device,
    user_agent: session.userAgent,
    address: session.address,
    created_at: session.now,
    last_seen_at: session.now,
    authenticated_at: session.now,
    methods: session.methods,
    second_at: session.secondAt,
    expires_at: session.expiresAt,
  }
}

function repeatedRow({ id, created_at, authenticated_at, second_at, ...row }: ReturnType<typeof rowOf>) {
  return row
}

const UNUSED = {
  former_hash: null,
  renewed_at: null,
  last_address: null,
  last_user_agent: null,
  jumped_at: null,
  jump_address: null,
  jump_user_agent: null,
} as const

function keysOf<Row extends object>(row: Row): (keyof Row)[] {
  return Object.keys(row) as (keyof Row)[]
}

// More rows would take the devices page longer than 20 ms to render.
const MAX_SESSIONS = 40

const endLeastRecent = statement((db: Db, { userId }: { userId: string }) =>
  db
    .deleteFrom('sessions')
    .where('id', 'in', (sessions) =>
      sessions
        .selectFrom('sessions')
        .select('id')
        .where('user_id', '=', userId)
        .orderBy('last_seen_at', 'desc')
        .limit(MAX_SESSIONS)
        .offset(MAX_SESSIONS),
    ),
)
