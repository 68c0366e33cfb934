import { bcryptText } from './foreign-formats.js'
import { type ForeignHash, readForeign } from './foreign-hash.js'

/** Returns a form that other systems read, if there is one: Argon2 as a PHC string, or bcrypt. */
export function portableHash(stored: string): string {
  const hash = readForeign(stored)
  if (hash === undefined || hash.before !== undefined || hash.digest === undefined) return stored
  if (hash.scheme === 'argon2') return argon2Text(hash, hash.digest)
  return hash.scheme === 'bcrypt' ? bcryptText(hash.cost, hash.salt, hash.digest) : stored
}

function argon2Text(hash: Extract<ForeignHash, { scheme: 'argon2' }>, digest: string): string {
  const { type, version, memory, passes, lanes, salt } = hash
  return `$argon2${type}$v=${version}$m=${memory},t=${passes},p=${lanes}$${bare(salt)}$${bare(digest)}`
}

function bare(base64: string): string {
  return base64.replaceAll('=', '')
}
