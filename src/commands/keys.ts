import { commandOf } from './command.js'
import { subcommand as drop } from './keys/drop.js'
import { subcommand as list } from './keys/list.js'
import { subcommand as rotate } from './keys/rotate.js'

export const command = commandOf({
  name: 'keys',
  summary: 'List, rotate and drop encryption keys',
  intro: 'The current key encrypts cookies and waiting emails. Old keys only decrypt.',
  subcommands: [list, rotate, drop],
})
