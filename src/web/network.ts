import ipaddr from 'ipaddr.js'
import type { Context } from 'koa'
import type { Logger } from 'pino'

/**
 * An address in the one way it is written here: IPv4 also where it came mapped into IPv6, and without the port that some
 * proxies add. Undefined if it is none.
 */
export function normalAddress(text: string): string | undefined {
  const address = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? text.replace(/^([\d.]+):\d+$/, '$1')
  return ipaddr.isValid(address) ? ipaddr.process(address).toString() : undefined
}

/** What one customer of a provider has: an IPv4 address, or the /64 of an IPv6 address (RFC 6177). */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address
  const parsed = ipaddr.process(address)
  if (parsed.kind() === 'ipv4') return parsed.toString()
  const prefix = parsed.toByteArray().slice(0, 8)
  return `${ipaddr.fromByteArray([...prefix, ...Array(8).fill(0)]).toString()}/64`
}

/** Reads the address of the browser; what `read` answers counts only if it is one, else that of the connection does. */
export function addressReader(read: (ctx: Context) => string): (ctx: Context) => string {
  return (ctx) => normalAddress(read(ctx)) ?? normalAddress(ctx.req.socket.remoteAddress ?? '') ?? ''
}

const FORWARDED = ['X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host', 'Forwarded'] as const

/**
 * What proxies, tunnels and CDNs add, by name or by kind. A browser that is asked for a page sends none of these, nor any
 * `X-…` but one that old scripts and Android add.
 */
const OF_PROXIES =
  /^(?:x-(?!requested-with$)|via$|forwarded|(?:cf|cdn|fly|fastly|akamai|incap|surrogate|tailscale|ngrok|proxy|remote|wl-proxy|ssl)-|max-forwards$|front-end-https$|early-data$|traceparent$|(?:.+-)?ip(?:$|-)|.*client-ip)/

/** Whether a proxy has brought the request, or somebody says so. By default nginx asks by HTTP/1.0, as no browser does. */
export function isForwarded({ req }: Context): boolean {
  return req.httpVersion === '1.0' || Object.keys(req.headers).some((name) => OF_PROXIES.test(name))
}

/** Tells the log, once, of a header that a proxy would set, when no proxy is trusted: it counts for nothing. */
export function untrustedProxies(log: Logger): (ctx: Context) => void {
  let told = false
  return (ctx) => {
    if (told || ctx.app.proxy) return
    const header = FORWARDED.find((name) => ctx.get(name) !== '')
    if (header === undefined) return
    told = true
    log.warn(`${header} was ignored: no proxy is trusted (TRUST_PROXY, app.proxy).`)
  }
}
