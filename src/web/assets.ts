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
import { NOTHING_LOADED } from './headers.js'
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
  hash: string
  type: string
  modified: number
  encodings: Record<Encoding, () => Promise<Buffer>>
}

interface AssetsOptions {
  /** By name, the files whose contents follow each other in it. */
  files: Record<string, readonly string[]>
  base: string
  reload: boolean
}

const POLICY = 'Content-Security-Policy'
const FOREVER = 'public, max-age=31536000, immutable'
const DAY = 'public, max-age=86400'

export function siteAssets(base: string, { reload }: { reload: boolean }): Assets {
  const { resolve } = createRequire(import.meta.url)
  const own = (name: string) => join(root, 'public', name)
  const alone = ['passkeys.js', 'site.css', 'favicon.svg', 'favicon.ico'].map((name) => [name, [own(name)]])
  // Both are on every page, so they are one request.
  const htmx = [resolve('htmx.org/dist/htmx.min.js'), own('no-response.js')]
  return loadAssets({ files: { 'htmx.js': htmx, ...Object.fromEntries(alone) }, base, reload })
}

function loadAssets({ files, base, reload }: AssetsOptions): Assets {
  const assets = new Map(Object.entries(files).map(([name, parts]) => [name, load(base, name, parts)]))

  const current = (name: string): Asset => {
    const parts = files[name]
    const asset = assets.get(name)
    if (parts === undefined || asset === undefined) throw new Error(`Unknown asset: ${name}.`)
    if (!reload || modifiedAt(parts) === asset.modified) return asset
    const changed = load(base, name, parts)
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

function load(base: string, name: string, parts: readonly string[]): Asset {
  const type = extname(name)
  const identity = Buffer.concat(parts.map((part) => contentOf(part, type)))
  const hash = createHash('sha256').update(identity).digest('base64url').slice(0, 12)
  return {
    path: `${base}${name.slice(0, -type.length)}.${hash}${type}`,
    hash,
    type,
    modified: modifiedAt(parts),
    encodings: {
      identity: async () => identity,
      gzip: once(() => promisify(gzip)(identity, { level: 9 })),
      br: once(() => promisify(brotliCompress)(identity)),
    },
  }
}

function modifiedAt(parts: readonly string[]): number {
  return Math.max(...parts.map((part) => statSync(part).mtimeMs))
}

// A third of the compressed style sheet is comments and indentation.
const NOT_SENT: Readonly<Record<string, RegExp>> = {
  '.css': /(?:\s|\/\*[\s\S]*?\*\/)+/g,
  '.js': /^\s*\/\/.*\n/gm,
}

function contentOf(file: string, type: string): Buffer {
  const content = readFileSync(file)
  const notSent = NOT_SENT[type]
  return notSent === undefined ? content : Buffer.from(`${content}`.replaceAll(notSent, ' '))
}

async function send(ctx: Context, asset: Asset, caching: string): Promise<void> {
  if (refusesMethod(ctx)) return
  const encoding = acceptedEncoding(ctx)
  ctx.set({ Vary: 'Accept-Encoding', 'Cache-Control': caching, ETag: `"${asset.hash}.${encoding}"` })
  if (ctx.res.hasHeader(POLICY)) ctx.set(POLICY, NOTHING_LOADED)
  ctx.status = 200
  if (ctx.fresh) {
    ctx.status = 304
    return
  }
  ctx.type = asset.type
  if (encoding !== 'identity') ctx.set('Content-Encoding', encoding)
  ctx.body = await asset.encodings[encoding]()
}
