import type { Context } from 'koa'

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
