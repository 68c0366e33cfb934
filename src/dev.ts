import { readDotEnv } from './index.js'

readDotEnv()
process.env.NODE_ENV ||= 'development'
await import('./site.js')
