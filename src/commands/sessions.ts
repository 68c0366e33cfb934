import { commandOf } from './command.js'
import { part as end } from './sessions/end.js'

export const command = commandOf({
  name: 'sessions',
  summary: 'logs all users out',
  parts: [end],
})
