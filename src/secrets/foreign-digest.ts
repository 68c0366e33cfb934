import { createCipheriv, createHash, createHmac, pbkdf2Sync, scryptSync, timingSafeEqual } from 'node:crypto'
import { hashRawSync, verifySync } from '@node-rs/argon2'
import { hashSync } from '@node-rs/bcrypt'
import { normalForm } from '../base/normal-form.js'
import { type ForeignHash, readForeign, type Step } from './foreign-hash.js'

/** Tries the password as typed, which most systems hash, then in NFKC, as some do. */
export function verifyForeign(stored: string, typed: string): boolean {
  const hash = readForeign(stored)
  if (hash === undefined) return false
  const normal = normalForm(typed, 'NFKC')
  return isRight(hash, typed) || (normal !== typed && isRight(hash, normal))
}

function isRight(hash: ForeignHash, password: string): boolean {
  const digest = digestOf(hash, password)
  if (hash.wrapped !== undefined) return verifySync(hash.wrapped, digest.toString('base64'))
  const known = Buffer.from(hash.digest ?? '', 'base64')
  return known.length === digest.length && timingSafeEqual(known, digest)
}

export function digestOf(hash: ForeignHash, typed: string): Buffer {
  const password = (hash.before ?? []).reduce(applyStep, typed)
  const salt = Buffer.from(hash.salt, 'base64')
  switch (hash.scheme) {
    case 'bcrypt':
      return Buffer.from(hashSync(password, hash.cost, salt).slice(BCRYPT_DIGEST))
    case 'argon2':
      return argon2(hash, password, salt)
    case 'pbkdf2':
      return pbkdf2Sync(password, salt, hash.iterations, hash.length, hash.hash)
    case 'scrypt':
      return scrypt(hash, password, salt)
    case 'firebase':
      return firebase(hash, password, salt)
    case 'phpass':
      return phpass(hash, password, salt)
    case 'digest':
      return createHash(hash.hash).update(salt).update(password).digest()
  }
}

// After `$2b$10$` and 22 characters of salt.
const BCRYPT_DIGEST = 29

function applyStep(password: string, step: Step): string {
  switch (step.do) {
    case 'append':
      return password + step.text
    case 'sha256-hex':
      return createHash('sha256').update(password).digest('hex')
    case 'hmac':
      return createHmac(step.hash, step.key).update(password).digest('base64')
    case 'trim':
      return phpTrimmed(password)
  }
}

function phpTrimmed(password: string): string {
  return password.replace(/^[ \t\n\r\0\v]+|[ \t\n\r\0\v]+$/g, '')
}

type Scheme<Scheme> = Extract<ForeignHash, { scheme: Scheme }>

function argon2(hash: Scheme<'argon2'>, password: string, salt: Buffer): Buffer {
  return hashRawSync(password, {
    algorithm: ['d', 'i', 'id'].indexOf(hash.type),
    version: hash.version === '16' ? 0 : 1,
    memoryCost: hash.memory,
    timeCost: hash.passes,
    parallelism: hash.lanes,
    outputLen: hash.length,
    salt,
  })
}

function scrypt({ n: N, r, p, length }: Scheme<'scrypt'>, password: string, salt: Buffer): Buffer {
  return scryptSync(password, salt, length, { N, r, p, maxmem: memoryFor(N, r) })
}

function memoryFor(n: number, r: number): number {
  return 128 * n * r + 2 ** 23
}

// github.com/firebase/scrypt: scrypt of the password encrypts the signer key.
function firebase(
  { memory, rounds: r, separator, signerKey }: Scheme<'firebase'>,
  password: string,
  salt: Buffer,
): Buffer {
  const N = 2 ** memory
  const salted = Buffer.concat([salt, Buffer.from(separator, 'base64')])
  const key = scryptSync(password, salted, 32, { N, r, p: 1, maxmem: memoryFor(N, r) })
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.from(signerKey, 'base64'))
}

// openwall.com/phpass, portable hashes.
function phpass({ rounds }: Scheme<'phpass'>, password: string, salt: Buffer): Buffer {
  let digest = createHash('md5').update(salt).update(password).digest()
  for (let round = 0; round < 2 ** rounds; round++) {
    digest = createHash('md5').update(digest).update(password).digest()
  }
  return digest
}
