import type { IncomingMessage } from 'node:http'
import { brotliCompressSync, gzipSync, constants as zlib } from 'node:zlib'
import type { Context, Middleware } from 'koa'

/** Less fits into one packet together with its headers. */
const WORTH_IT = 1024

// In this thread, for zlib's own would wait behind password hashes. Qualities: docs/performance.md.
const COMPRESS = {
  br: (html: string) => brotliCompressSync(html, { params: { [zlib.BROTLI_PARAM_QUALITY]: 5 } }),
  gzip: (html: string) => gzipSync(html, { level: 6 }),
}

const pages = new WeakMap<IncomingMessage, string>()

/** Answers with a page or fragment that may be compressed on its way out. */
export function answerHtml(ctx: Context, html: string): void {
  ctx.type = 'html'
  ctx.body = html
  pages.set(ctx.req, html)
}

/**
 * Compresses pages and fragments of ours, and nothing else. For before everything that may still put another answer in
 * the place of a page, for its Content-Encoding would stay behind.
 */
export const compression: Middleware = async (ctx, next) => {
  await next()
  const html = pages.get(ctx.req)
  // Somebody else's answer by now, or compressed by somebody else.
  if (html === undefined || ctx.body !== html || ctx.res.hasHeader('Content-Encoding')) return
  ctx.vary('Accept-Encoding')
  const encoding = acceptedEncoding(ctx)
  if (encoding === 'identity' || Buffer.byteLength(html) <= WORTH_IT || mayBeProbed(ctx)) return
  ctx.set('Content-Encoding', encoding)
  ctx.body = COMPRESS[encoding](html)
}

/**
 * Whether another site may have sent a visitor here with text of its choice, to learn from the length of the answer what
 * else is on the page (BREACH, https://www.breachattack.com). Tokens are masked afresh each time, but every page has its
 * own query in the links to other languages, and pages of users have their address or their devices. So a page for
 * somebody with cookies is compressed only if the browser says that it was opened from here, or by its user. Browsers
 * that send no `Sec-Fetch-Site`, as none does over plain http, tell it by the Referer.
 */
function mayBeProbed(ctx: Context): boolean {
  if (ctx.get('Cookie') === '') return false
  const site = ctx.get('Sec-Fetch-Site')
  if (site !== '') return site !== 'same-origin' && site !== 'none'
  const referer = ctx.get('Referer')
  return !URL.canParse(referer) || new URL(referer).host !== ctx.get('Host').toLowerCase()
}

export type Encoding = 'br' | 'gzip' | 'identity'

/**
 * The best encoding that the browser takes (RFC 9110 12.5.3). Of those it likes equally the smallest: browsers name
 * gzip first, and `ctx.acceptsEncodings` would go by that.
 */
export function acceptedEncoding(ctx: Context): Encoding {
  const header = ctx.get('Accept-Encoding')
  if (header === '') return 'identity'
  const weights = weightsIn(header)
  const others = weights.get('*')
  const br = weights.get('br') ?? others ?? 0
  const gzip = weights.get('gzip') ?? others ?? 0
  // What is not named is acceptable, but less than what is.
  const identity = weights.get('identity') ?? 0
  if (identity > br && identity > gzip) return 'identity'
  if (br > 0 && br >= gzip) return 'br'
  return gzip > 0 ? 'gzip' : 'identity'
}

function weightsIn(header: string): Map<string, number> {
  return new Map(
    header
      .toLowerCase()
      .split(',')
      .map((part) => {
        const [name = '', ...parameters] = part.split(';').map((text) => text.trim())
        const weight = parameters.find((text) => text.startsWith('q='))?.slice('q='.length)
        return [name, weight === undefined ? 1 : Number(weight) || 0]
      }),
  )
}
