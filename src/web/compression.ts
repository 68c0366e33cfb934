import type { IncomingMessage } from 'node:http'
import { brotliCompressSync, gzipSync, constants as zlib } from 'node:zlib'
import type { Context, Middleware } from 'koa'

// Bytes. Smaller responses fit into one packet with their headers.
const WORTH_IT = 1024

// Synchronous, because zlib's threads are busy with password hashes. Qualities: docs/performance.md.
const COMPRESS = {
  br: (html: string) => brotliCompressSync(html, { params: { [zlib.BROTLI_PARAM_QUALITY]: 5 } }),
  gzip: (html: string) => gzipSync(html, { level: 6 }),
}

// Koa would look up `html` for each page.
const HTML = 'text/html; charset=utf-8'

const pages = new WeakMap<IncomingMessage, string>()

export function respondHtml(ctx: Context, html: string): void {
  ctx.set('Content-Type', HTML)
  ctx.body = html
  pages.set(ctx.req, html)
}

// Runs around everything that may replace the response. Otherwise the Content-Encoding would remain on another body.
export const compression: Middleware = async (ctx, next) => {
  await next()
  const html = pages.get(ctx.req)
  if (html === undefined || ctx.body !== html || ctx.res.hasHeader('Content-Encoding')) return
  ctx.vary('Accept-Encoding')
  const encoding = acceptedEncoding(ctx)
  if (encoding === 'identity' || Buffer.byteLength(html) <= WORTH_IT || mayBeProbed(ctx)) return
  ctx.set('Content-Encoding', encoding)
  ctx.body = COMPRESS[encoding](html)
}

// Another site could choose part of a page and learn the rest from its compressed length (breachattack.com).
// So with cookies, only pages opened from this site are compressed. Plain http has only the Referer.
function mayBeProbed(ctx: Context): boolean {
  if (ctx.get('Cookie') === '') return false
  const site = ctx.get('Sec-Fetch-Site')
  if (site !== '') return site !== 'same-origin' && site !== 'none'
  const referer = ctx.get('Referer')
  return !URL.canParse(referer) || new URL(referer).host !== ctx.get('Host').toLowerCase()
}

export type Encoding = 'br' | 'gzip' | 'identity'

// RFC 9110 12.5.3. `ctx.acceptsEncodings` would choose gzip, which browsers name first, over br.
export function acceptedEncoding(ctx: Context): Encoding {
  const header = ctx.get('Accept-Encoding')
  if (header === '') return 'identity'
  const weights = weightsIn(header)
  const others = weights.get('*')
  const br = weights.get('br') ?? others ?? 0
  const gzip = weights.get('gzip') ?? others ?? 0
  // Identity is acceptable if not named, but comes last.
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
