import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { extname } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import type { Context, Middleware } from 'koa'

/** The files that pages load: few, small, kept in memory, compressed once. */
export interface Assets {
  /** The file's name with its content's hash in it: another content is another name, so browsers may keep it for ever. */
  versioned(name: string): string
  /** Answers the file that `ctx.params.file` names by its versioned name, or leaves it unanswered. */
  serve: Middleware
  /** Answers the file of this name, at an address without a hash. */
  answer(ctx: Context, name: string): void
}

interface Asset {
  versioned: string
  type: string
  modified: number
  encodings: { identity: Buffer; gzip: Buffer; br: Buffer }
}

const FOREVER = 'public, max-age=31536000, immutable'
const DAY = 'public, max-age=86400'

/**
 * `files` gives each asset's name and where it lies. With `reload` a changed file is read anew, for those who are
 * editing it. Throws if one cannot be read.
 */
export function loadAssets(files: Record<string, string>, { reload }: { reload: boolean }): Assets {
  const assets = new Map(Object.entries(files).map(([name, file]) => [name, load(name, file)]))

  const current = (name: string): Asset => {
    const file = files[name]
    const asset = assets.get(name)
    if (file === undefined || asset === undefined) throw new Error(`There is no asset ${name}.`)
    if (!reload || statSync(file).mtimeMs === asset.modified) return asset
    const changed = load(name, file)
    assets.set(name, changed)
    return changed
  }

  return {
    versioned: (name) => current(name).versioned,
    serve(ctx, next) {
      const asset = [...assets.values()].find(({ versioned }) => versioned === ctx.params.file)
      return asset === undefined ? next() : send(ctx, asset, FOREVER)
    },
    answer: (ctx, name) => send(ctx, current(name), DAY),
  }
}

function load(name: string, file: string): Asset {
  const identity = readFileSync(file)
  const hash = createHash('sha256').update(identity).digest('base64url').slice(0, 12)
  const type = extname(name)
  return {
    versioned: `${name.slice(0, -type.length)}.${hash}${type}`,
    type,
    modified: statSync(file).mtimeMs,
    encodings: { identity, gzip: gzipSync(identity, { level: 9 }), br: brotliCompressSync(identity) },
  }
}

function send(ctx: Context, asset: Asset, caching: string): void {
  const encoding = accepted(ctx)
  ctx.set({ 'Cache-Control': caching, Vary: 'Accept-Encoding', ETag: `"${asset.versioned}.${encoding}"` })
  ctx.status = 200
  if (ctx.fresh) {
    ctx.status = 304
    return
  }
  ctx.type = asset.type
  if (encoding !== 'identity') ctx.set('Content-Encoding', encoding)
  ctx.body = asset.encodings[encoding]
}

function accepted(ctx: Context): keyof Asset['encodings'] {
  const best = ctx.acceptsEncodings('br', 'gzip', 'identity')
  return best === 'br' || best === 'gzip' ? best : 'identity'
}
