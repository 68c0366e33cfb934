#!/usr/bin/env node
import { readAppFile } from './app-file.js'
import { call } from './commands/call.js'
import { setAppReader } from './commands/settings.js'

// A reader such as `head` may close the pipe early. That is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})

setAppReader(readAppFile)
call(process.argv.slice(2)).then((code) => {
  process.exitCode = code
})
