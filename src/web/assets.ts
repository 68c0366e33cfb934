import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { extname, join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, gzip } from 'node:zlib'
import type { Context, Middleware } from 'koa'
import { once } from '../base/once.js'
import { root } from '../base/package.js'
import { acceptedEncoding, type Encoding } from './compression.js'
import { refusesMethod, seenPath } from './http.js'

export interface Assets {
  /** Contains the content's hash, so browsers may cache it forever. */
  path(name: string): string
  isAt(path: string): boolean
  serve: Middleware
  sendAsset(ctx: Context, name: string): Promise<void>
}

interface Asset {
  path: string
  type: string
  modified: number
  encodings: Record<Encoding, () => Promise<Buffer>>
}

interface AssetsOptions {
  files: Record<string, string>
  base: string
  reload: boolean
}

const FOREVER = 'public, max-age=31536000, immutable'
const DAY = 'public, max-age=86400'

export function siteAssets(base: string, { reload }: { reload: boolean }): Assets {
  const { resolve } = createRequire(import.meta.url)
  const builtIn = ['no-response.js', 'passkeys.js', 'site.css', 'favicon.svg', 'favicon.ico'].map((name) => [
    name,
    join(root, 'public', name),
  ])
  const files = { 'htmx.js': resolve('htmx.org/dist/htmx.min.js'), ...Object.fromEntries(builtIn) }
  return loadAssets({ files, base, reload })
}

function loadAssets({ files, base, reload }: AssetsOptions): Assets {
  const assets = new Map(Object.entries(files).map(([name, file]) => [name, load(base, name, file)]))

  const current = (name: string): Asset => {
    const file = files[name]
    const asset = assets.get(name)
    if (file === undefined || asset === undefined) throw new Error(`Unknown asset: ${name}.`)
    if (!reload || statSync(file).mtimeMs === asset.modified) return asset
    const changed = load(base, name, file)
    assets.set(name, changed)
    return changed
  }
  const at = (path: string) =>
    path.startsWith(base) ? [...assets.values()].find((asset) => asset.path === path) : undefined

  return {
    path: (name) => current(name).path,
    isAt: (path) => at(path) !== undefined,
    serve(ctx, next) {
      const asset = at(seenPath(ctx))
      return asset === undefined ? next() : send(ctx, asset, FOREVER)
    },
    sendAsset: (ctx, name) => send(ctx, current(name), DAY),
  }
}

function load(base: string, name: string, file: string): Asset {
  const identity = readFileSync(file)
  const hash = createHash('sha256').update(identity).digest('base64url').slice(0, 12)
  const type = extname(name)
  return {
    path: `${base}${name.slice(0, -type.length)}.${hash}${type}`,
    type,
    modified: statSync(file).mtimeMs,
    encodings: {
      identity: async () => identity,
      gzip: once(() => promisify(gzip)(identity, { level: 9 })),
      br: once(() => promisify(brotliCompress)(identity)),
    },
  }
}

async function send(ctx: Context, asset: Asset, caching: string): Promise<void> {
  if (refusesMethod(ctx)) return
  const encoding = acceptedEncoding(ctx)
  ctx.set({ 'Cache-Control': caching, Vary: 'Accept-Encoding', ETag: `"${asset.path}.${encoding}"` })
  ctx.status = 200
  if (ctx.fresh) {
    ctx.status = 304
    return
  }
  ctx.type = asset.type
  if (encoding !== 'identity') ctx.set('Content-Encoding', encoding)
  ctx.body = await asset.encodings[encoding]()
}
