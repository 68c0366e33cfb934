import { domainToASCII } from 'node:url'
// The one check, and not the hundred others of the package, which every start would have to load.
import isEmail from 'validator/lib/isEmail.js'
import { isInvisible, isOverloaded, trimUnseen } from '../base/characters.js'
import { fold } from '../base/fold.js'
import { normalForm } from '../base/normal-form.js'

/** Dots of other scripts, which mean the same between the labels of a domain (UTS #46, 4). */
const DOTS = /[\u3002\uFF0E\uFF61]/g

/** An address as it is stored: as typed, without what pasting brings, and with plain dots and @. */
export function normalizeEmail(typed: string): string {
  const { local, domain } = partsOf(trimUnseen(typed).replace('\uFF20', '@'))
  return domain === undefined ? local : `${local}@${domain.replaceAll(DOTS, '.')}`
}

/**
 * The one key of a mailbox, however its address is written: capitals make no difference, and a domain is what DNS is asked for
 * (`bücher.example` and `xn--bcher-kva.example`, IDNA by UTS #46).
 */
export function emailKeyOf(address: string): string {
  const { local, domain } = partsOf(normalForm(trimUnseen(address), 'NFKC'))
  return domain === undefined ? fold(local) : `${fold(local)}@${asciiDomain(domain) ?? fold(domain)}`
}

/** A part of keys, to look for: of an address, or of a domain. */
export function emailPartKeyOf(text: string): string {
  return text.includes('@')
    ? emailKeyOf(text)
    : (asciiDomain(normalForm(trimUnseen(text), 'NFKC')) ?? fold(text))
}

export function isEmailAddress(address: string): boolean {
  const { local, domain = '' } = partsOf(address)
  const ascii = asciiDomain(domain)
  // A quoted local part is the same mailbox as the plain one (RFC 5321, 4.1.2), and nobody has one that needs its quotes.
  if (ascii === undefined || /["\\]/.test(local) || isInvisible(address) || isOverloaded(address))
    return false
  return isEmail.default(`${local}@${ascii}`)
}

function partsOf(address: string): { local: string; domain?: string } {
  const at = address.lastIndexOf('@')
  return at < 0 ? { local: address } : { local: address.slice(0, at), domain: address.slice(at + 1) }
}

// Other ASCII would be read as what follows a host in an address of the web.
const HOST = /^[-.\w\u0080-\u{10FFFF}]+$/u

// Of a name in DNS (RFC 1035, 3.1). What is longer is nobody's, and encoding it takes the square of its length.
const DOMAIN_MAX = 255

function asciiDomain(domain: string): string | undefined {
  if (domain.length > DOMAIN_MAX) return undefined
  const lower = domain.toLowerCase()
  if (/^[-.\w]*$/.test(lower) && !lower.includes('xn--')) return lower // as most are
  return (HOST.test(domain) && domainToASCII(domain)) || undefined
}
