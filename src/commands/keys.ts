import { commandOf } from './command.js'
import { part as drop } from './keys/drop.js'
import { part as list } from './keys/list.js'
import { part as rotate } from './keys/rotate.js'

export const command = commandOf({
  name: 'keys',
  summary: 'List, rotate and drop encryption keys',
  intro: 'The current key encrypts cookies and waiting emails. Old keys only decrypt.',
  parts: [list, rotate, drop],
})
