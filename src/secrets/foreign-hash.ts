import { z } from 'zod/v3'

const PREFIX = '$foreign$'

const bytes = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/)

const step = z.discriminatedUnion('do', [
  z.object({ do: z.literal('append'), text: z.string() }),
  z.object({ do: z.literal('sha256-hex') }),
  z.object({ do: z.literal('hmac'), hash: z.enum(['sha384', 'sha512']), key: z.string() }),
  z.object({ do: z.literal('trim') }),
])

const length = z.number().int().min(12).max(128)

const cost = (max: number) => z.number().int().positive().max(max)

// The maximums keep one login from taking seconds, or all the memory.
const scheme = z.discriminatedUnion('scheme', [
  z.object({ scheme: z.literal('bcrypt'), cost: z.number().int().min(4).max(14) }),
  z.object({
    scheme: z.literal('argon2'),
    type: z.enum(['d', 'i', 'id']),
    version: z.enum(['16', '19']),
    memory: cost(131_072),
    passes: cost(10),
    lanes: cost(16),
    length,
  }),
  z.object({
    scheme: z.literal('pbkdf2'),
    hash: z.enum(['sha1', 'sha256', 'sha512']),
    iterations: cost(2_000_000),
    length,
  }),
  z.object({ scheme: z.literal('scrypt'), n: cost(2 ** 20), r: cost(32), p: cost(16), length }),
  z.object({
    scheme: z.literal('firebase'),
    memory: cost(17),
    rounds: cost(8),
    signerKey: bytes,
    separator: bytes,
  }),
  z.object({ scheme: z.literal('phpass'), rounds: z.number().int().min(7).max(16) }),
  z.object({ scheme: z.literal('digest'), hash: z.enum(['md5', 'sha1']) }),
])

const foreign = z
  .object({
    before: z.array(step).max(3).optional(),
    salt: bytes,
    digest: bytes.min(20).optional(),
    /** Argon2id of the base64 digest, instead of it. */
    wrapped: z.string().startsWith('$argon2id$').optional(),
  })
  .and(scheme)
  .refine(({ digest, wrapped }) => (digest === undefined) !== (wrapped === undefined))
  .refine((hash) => hash.scheme !== 'scrypt' || (isPowerOfTwo(hash.n) && hash.n * hash.r <= 2 ** 20))

export type ForeignHash = z.infer<typeof foreign>

export type Step = z.infer<typeof step>

function isPowerOfTwo(n: number): boolean {
  return n > 1 && Number.isInteger(Math.log2(n))
}

export function isForeign(stored: string): boolean {
  return stored.startsWith(PREFIX)
}

export function foreignText(hash: ForeignHash): string {
  return PREFIX + JSON.stringify(hash)
}

/** Returns undefined if it cannot be verified, or would cost too much. */
export function foreignHash(known: unknown): ForeignHash | undefined {
  return foreign.safeParse(known).data
}

export function readForeign(stored: string): ForeignHash | undefined {
  if (!isForeign(stored)) return undefined
  try {
    return foreignHash(JSON.parse(stored.slice(PREFIX.length)))
  } catch {
    return undefined
  }
}

/** Whether it is so fast that a stolen database would reveal the passwords. */
export function isWeak({ scheme }: ForeignHash): boolean {
  return scheme === 'digest' || scheme === 'phpass'
}
