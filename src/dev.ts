import { readDotEnv } from './index.js'

/** The site of `npm run dev`: in development, unless the environment or `.env` says otherwise. */
readDotEnv()
process.env.NODE_ENV ||= 'development'
await import('./site.js')
