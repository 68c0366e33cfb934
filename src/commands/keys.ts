import { commandOf } from './command.js'
import { part as drop } from './keys/drop.js'
import { part as list } from './keys/list.js'
import { part as rotate } from './keys/rotate.js'

export const command = commandOf({
  name: 'keys',
  summary: 'lists the keys that seal cookies and mails, puts a new one in front, and drops old ones',
  parts: [list, rotate, drop],
})
