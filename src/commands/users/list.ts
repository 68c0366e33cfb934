import { parseArgs } from 'node:util'
import {
  cursorOf,
  DEFAULT_LIMIT,
  isPageLimit,
  MAX_LIMIT,
  pageOf,
  searchOf,
  type UserPage,
} from '../../accounts/listing.js'
import type { Registry } from '../../accounts/registry.js'
import {
  count,
  type ListedUser,
  list,
  USER_STATES,
  type UserCursor,
  type UserFilter,
  type UserState,
} from '../../tables/users-list.js'
import { type Command, parsed, UsageError, withRegistry } from '../command.js'
import { CSV_MARK, csvLine } from '../csv.js'
import { createProgress, isWatched, UNWATCHED } from '../progress.js'
import { json, print, printable, table } from '../terminal.js'

const BATCH = 500

const options = {
  search: { type: 'string' },
  state: { type: 'string' },
  role: { type: 'string' },
  limit: { type: 'string' },
  after: { type: 'string' },
  json: { type: 'boolean', default: false },
  csv: { type: 'boolean', default: false },
} as const

export const subcommand: Command = {
  name: 'list',
  summary: 'List users in the order they signed up',
  help: `Usage: gatehouse users list [options]

List users in the order they signed up. The last line says how to continue.

Options:
  --search <text>  Only users whose username or email address contains <text>,
                   in any case. Reads the whole table
  --state <state>  Only users in this state: open, closed, disabled or
                   unconfirmed. Open means neither closed nor disabled
  --role <role>    Only users with this role, such as admin
  --limit <n>      Show up to <n> users, 1 to ${MAX_LIMIT}. Default: ${DEFAULT_LIMIT}
  --after <place>  Continue after the place shown on the last line of a list
  --json           Print JSON
  --csv            Print all of them as CSV

Example:
  gatehouse users list --state disabled --csv > disabled.csv`,
  async run(args) {
    const { values } = parsed(() => parseArgs({ args: [...args], options }))
    if (values.json && values.csv) throw new UsageError('Use --json or --csv, not both.')
    if (values.csv && values.limit !== undefined) {
      throw new UsageError('--csv prints all users. Leave out --limit.')
    }
    const filter = { ...searchOf(values.search), state: stateOf(values.state), role: values.role }
    const listOptions = { ...filter, after: afterOf(values.after), limit: limitOf(values.limit) }
    return withRegistry(async (registry) => {
      if (values.csv) return writeCsv(registry, listOptions)
      return values.json
        ? asJson(await pageOf(registry, listOptions))
        : asTable(await pageOf(registry, listOptions))
    })
  },
}

interface ListOptions extends UserFilter {
  after: UserCursor | undefined
  limit: number
}

function stateOf(text: string | undefined): UserState | undefined {
  const state = USER_STATES.find((one) => one === text)
  if (text === undefined || state !== undefined) return state
  throw new UsageError(`--state must be one of ${USER_STATES.join(', ')}.`)
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_LIMIT
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0
  if (isPageLimit(limit)) return limit
  throw new UsageError(`--limit must be a number from 1 to ${MAX_LIMIT}.`)
}

function afterOf(text: string | undefined): UserCursor | undefined {
  const place = cursorOf(text)
  if (text === undefined || place !== undefined) return place
  throw new UsageError('--after must be a place shown on the last line of a list.')
}

function asJson({ users, next }: UserPage): string {
  return json({ users: users.map((user) => ({ ...rowOf(user), slug: user.slug, roles: user.roles })), next })
}

function rowOf(user: ListedUser) {
  const { id, name, email, emailConfirmedAt, createdAt, lastLoginAt } = user
  return {
    id,
    name,
    email,
    confirmed: timeOf(emailConfirmedAt),
    state: stateWords(user),
    created: timeOf(createdAt),
    lastLogin: timeOf(lastLoginAt),
  }
}

function stateWords({ closedAt, disabledAt }: ListedUser): string {
  const words = [...(closedAt === null ? [] : ['closed']), ...(disabledAt === null ? [] : ['disabled'])]
  return words.length === 0 ? 'open' : words.join(' and ')
}

function timeOf(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString()
}

function asTable({ users, next }: UserPage): string {
  if (users.length === 0) return 'No users found.'
  const rows = users.map(rowOf)
  const cells = rows.map(({ name, email, confirmed, state, created, lastLogin }) => [
    name,
    email ?? 'none',
    dayOf(confirmed),
    state,
    dayOf(created),
    lastLogin === null ? 'never' : dayOf(lastLogin),
  ])
  const shown = table(['USERNAME', 'EMAIL', 'CONFIRMED', 'STATE', 'CREATED', 'LAST LOGIN'], cells)
  return next === null ? shown : `${shown}\nMore: add --after ${next}`
}

function dayOf(time: string | null): string {
  return time?.slice(0, 10) ?? 'no'
}

// Streamed, because the users may not fit into memory.
async function writeCsv(registry: Registry, { limit: _, ...listOptions }: ListOptions): Promise<string> {
  const progress = isWatched() ? createProgress(await count(registry.database.main, listOptions)) : UNWATCHED
  try {
    await print(CSV_MARK + csvLine(['id', 'name', 'email', 'confirmed', 'state', 'created', 'last login']))
    for await (const users of batchesOf(registry, listOptions)) {
      await print(users.map((user) => csvLine(Object.values(rowOf(user)).map(cellOf))).join(''))
      progress.advance(users.length)
    }
  } finally {
    progress.end()
  }
  return ''
}

async function* batchesOf(
  { database }: Registry,
  { after, ...filter }: Omit<ListOptions, 'limit'>,
): AsyncGenerator<ListedUser[]> {
  let place = after
  do {
    const users = await list(database.main, { ...filter, after: place, limit: BATCH })
    yield users
    place = users.length < BATCH ? undefined : users.at(-1)
  } while (place !== undefined)
}

function cellOf(value: string | null): string {
  return printable(value ?? '')
}
