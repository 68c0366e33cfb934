import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The package's own folder, where `templates`, `public` and `db` lie; the code runs from `src` or from `dist/src`. */
export const root = folderOf(dirname(fileURLToPath(import.meta.url)))

function folderOf(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : folderOf(dirname(folder))
}

/**
 * Whether it is installed in somebody's site, also by a link: the folder is then npm's, where nothing of the site's may be looked
 * for or kept.
 */
export const isPackage =
  /[\\/]node_modules[\\/]/.test(root) ||
  /[\\/]node_modules[\\/](?:\.bin[\\/])?gatehouse/.test(process.argv[1] ?? '')

export const version: string = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version
