import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = ownFolder()

// In a bundle, import.meta.url is in the app's folder, or missing (esbuild --format=cjs).
function ownFolder(): string {
  const { url = '' } = import.meta
  const folder = url === '' ? undefined : folderOf(dirname(fileURLToPath(url)))
  if (folder !== undefined && existsSync(join(folder, 'templates', 'layouts', 'page.html'))) return folder
  throw new Error(
    'Gatehouse cannot be part of a bundle, because it reads its templates from its own folder. Keep it outside: esbuild --packages=external, or the option external of your bundler.',
  )
}

function folderOf(folder: string): string | undefined {
  if (existsSync(join(folder, 'package.json'))) return folder
  return folder === dirname(folder) ? undefined : folderOf(dirname(folder))
}

export const isPackage =
  /[\\/]node_modules[\\/]/.test(root) ||
  /[\\/]node_modules[\\/](?:\.bin[\\/]|koa-)gatehouse/.test(process.argv[1] ?? '')

export const version: string = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version
