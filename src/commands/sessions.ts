import { commandOf } from './command.js'
import { subcommand as end } from './sessions/end.js'

export const command = commandOf({
  name: 'sessions',
  summary: 'Log all users out everywhere',
  intro: 'Manage the sessions of all users.',
  subcommands: [end],
})
