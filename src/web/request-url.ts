import type { Context } from 'koa'

/** The path of the request as the browser has it, of which koa-mount takes the beginning off for the app that it mounts. */
export function seenPath(ctx: Context): string {
  return isShortened(ctx) ? originalPath(ctx) : ctx.path
}

/** The same with its query. */
export function seenUrl(ctx: Context): string {
  return isShortened(ctx) ? ctx.originalUrl : ctx.url
}

/** What koa-mount has taken off the path; '' where it has not. */
export function mountedAt(ctx: Context): string {
  if (!isShortened(ctx)) return ''
  const original = originalPath(ctx)
  const mount = original.endsWith(ctx.path) ? original.slice(0, -ctx.path.length) : original
  return mount.replace(/\/$/, '')
}

// ctx.mountPath stays after the mounted app, and of nested ones it is the last alone.
function isShortened(ctx: Context): boolean {
  const { path, mountPath } = ctx
  const original = originalPath(ctx)
  if (typeof mountPath !== 'string' || path === original) return false
  return original.endsWith(path) || original.endsWith(mountPath)
}

function originalPath({ originalUrl }: Context): string {
  return originalUrl.split('?', 1)[0] ?? ''
}
