// Database handles of an app in TypeScript. pack.test.ts compiles this with their types beside the package.
import BetterSqlite3 from 'better-sqlite3'
import { accounts } from 'koa-gatehouse'
import pg from 'pg'

await accounts({ database: { sqlite: new BetterSqlite3('shop.sqlite') } })
await accounts({ database: { postgres: new pg.Pool(), schema: 'accounts' }, keys: ['…'] })
