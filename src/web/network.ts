import { isIPv4 } from 'node:net'
import ipaddr from 'ipaddr.js'
import type { Context } from 'koa'
import type { Logger } from 'pino'

/** Removes the port and turns mapped IPv6 into IPv4. Returns undefined if it is not an IP address. */
export function normalAddress(text: string): string | undefined {
  if (isIPv4(text)) return text
  const address = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? text.replace(/^([\d.]+):\d+$/, '$1')
  return ipaddr.isValid(address) ? ipaddr.process(address).toString() : undefined
}

// What one customer of a provider gets: an IPv4 address or an IPv6 /64 (RFC 6177).
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address
  const parsed = ipaddr.process(address)
  if (parsed.kind() === 'ipv4') return parsed.toString()
  const prefix = parsed.toByteArray().slice(0, 8)
  return `${ipaddr.fromByteArray([...prefix, ...Array(8).fill(0)]).toString()}/64`
}

export function addressReader(read: (ctx: Context) => string): (ctx: Context) => string {
  return (ctx) => normalAddress(read(ctx)) ?? normalAddress(ctx.req.socket.remoteAddress ?? '') ?? ''
}

const FORWARDED = ['X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host', 'Forwarded'] as const

// Headers of proxies, tunnels and CDNs. Browsers send none; old scripts and Android send X-Requested-With.
const OF_PROXIES =
  /^(?:x-(?!requested-with$)|via$|forwarded|(?:cf|cdn|fly|fastly|akamai|incap|surrogate|tailscale|ngrok|proxy|remote|wl-proxy|ssl)-|max-forwards$|front-end-https$|early-data$|traceparent$|(?:.+-)?ip(?:$|-)|.*client-ip)/

// nginx forwards with HTTP/1.0 by default, which no browser uses.
export function isForwarded({ req }: Context): boolean {
  return req.httpVersion === '1.0' || Object.keys(req.headers).some((name) => OF_PROXIES.test(name))
}

export function untrustedProxies(log: Logger): (ctx: Context) => void {
  let hasWarned = false
  return (ctx) => {
    if (hasWarned || ctx.app.proxy) return
    const header = FORWARDED.find((name) => ctx.get(name) !== '')
    if (header === undefined) return
    hasWarned = true
    log.warn({ header }, 'ignored proxy header: no proxy is trusted (TRUST_PROXY, app.proxy)')
  }
}
