import { domainToASCII, domainToUnicode } from 'node:url'
// The package's index loads all validators.
import isEmail from 'validator/lib/isEmail.js'
import { hasStackedMarks, isInvisible, trimBlank } from '../base/characters.js'
import { fold } from '../base/fold.js'
import { normalForm } from '../base/normal-form.js'

const DOTS = /[\u3002\uFF0E\uFF61]/g

export function normalizeEmail(typed: string): string {
  const { local, domain } = partsOf(trimBlank(typed).replace('\uFF20', '@'))
  return domain === undefined ? local : `${local}@${domain.replaceAll(DOTS, '.')}`
}

export function emailKeyOf(address: string): string {
  const { local, domain } = partsOf(normalForm(trimBlank(address), 'NFKC'))
  return domain === undefined ? fold(local) : `${fold(local)}@${asciiDomain(domain) ?? fold(domain)}`
}

export function emailPartKeyOf(text: string): string {
  return text.includes('@')
    ? emailKeyOf(text)
    : (asciiDomain(normalForm(trimBlank(text), 'NFKC')) ?? fold(text))
}

export function isEmailAddress(address: string): boolean {
  const { local, domain = '' } = partsOf(address)
  const ascii = asciiDomain(domain)
  // A quoted local part is the same mailbox as without quotes (RFC 5321 4.1.2).
  if (ascii === undefined || /["\\]/.test(local) || isInvisible(address) || hasStackedMarks(address))
    return false
  return isEmail.default(`${local}@${ascii}`)
}

function partsOf(address: string): { local: string; domain?: string } {
  const at = address.lastIndexOf('@')
  return at < 0 ? { local: address } : { local: address.slice(0, at), domain: address.slice(at + 1) }
}

// Any other ASCII character would end the host in a URL.
const HOST = /^[-.\w\u0080-\u{10FFFF}]+$/u

// RFC 1035 3.1. Checked first, because encoding takes quadratic time.
const DOMAIN_MAX = 255

function asciiDomain(domain: string): string | undefined {
  if (domain.length > DOMAIN_MAX) return undefined
  const lower = domain.toLowerCase()
  if (/^[-.\w]*$/.test(lower) && !lower.includes('xn--')) return lower
  const ascii = HOST.test(domain) ? domainToASCII(domain) : ''
  return isDecodable(ascii) ? ascii : undefined
}

// Versions of Node differ in which labels with `xn--` they refuse. Those that they cannot decode stay as they are.
function isDecodable(ascii: string): boolean {
  const decoded = domainToUnicode(ascii)
  return decoded !== '' && !/(?:^|\.)xn--/.test(decoded) && domainToASCII(decoded) === ascii
}
