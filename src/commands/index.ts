import { type Command, listOf } from './command.js'

export const commands: ReadonlyMap<string, () => Promise<{ command: Command }>> = new Map([
  ['users', () => import('./users.js')],
  ['sessions', () => import('./sessions.js')],
  ['invitations', () => import('./invitations.js')],
  ['mails', () => import('./mails.js')],
  ['templates', () => import('./templates.js')],
  ['migrate', () => import('./migrate.js')],
  ['copy', () => import('./copy.js')],
  ['backup', () => import('./backup.js')],
  ['restore', () => import('./restore.js')],
  ['keys', () => import('./keys.js')],
  ['check', () => import('./check.js')],
])

export async function help(): Promise<string> {
  const all = await Promise.all([...commands.values()].map((load) => load()))
  return `Usage: gatehouse <command> [options]

Manage the accounts of a Gatehouse site.

Commands:
${listOf(all.map(({ command }) => command))}

Run this as the user the site runs as, with the same environment or in the
folder with its .env file. If your app mounts Gatehouse, run it in the folder
with gatehouse.config.js, which exports its options. Only copy and restore need
the site to be stopped.

gatehouse <command> --help shows the options of a command.
gatehouse --version shows the version.`
}
