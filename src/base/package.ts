import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = folderOf(dirname(fileURLToPath(import.meta.url)))

function folderOf(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : folderOf(dirname(folder))
}

export const isPackage =
  /[\\/]node_modules[\\/]/.test(root) ||
  /[\\/]node_modules[\\/](?:\.bin[\\/])?gatehouse/.test(process.argv[1] ?? '')

export const version: string = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version
