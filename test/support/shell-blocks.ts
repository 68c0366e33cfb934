/** Commands of the docs that this test cannot run, or that another test runs. */
export const NOT_RUN: readonly { what: RegExp; because: string }[] = [
  { what: /^systemctl (?:start|stop) |^systemd-run /, because: 'needs systemd, as root' },
  { what: /^docker |^podman /, because: 'needs containers, and fetches their images' },
  { what: /^litestream |\/tmp\/accounts\.sqlite$/, because: 'needs Litestream and its storage' },
  { what: /^createdb |^pg_dump |^pg_restore /, because: 'needs the client programs of PostgreSQL' },
  {
    what: /^DATABASE_URL=postgres:/,
    because: 'needs PostgreSQL: test/commands/copy.postgres.test.ts runs it',
  },
  {
    what: /^npm ci|^npm prune|^npm pack|^npm install /,
    because: 'changes packages: test/heavy/pack.test.ts runs it',
  },
  {
    what: /^npx --no gatehouse /,
    because: 'needs an app that mounts Gatehouse: test/heavy/set-ups.test.ts runs it',
  },
  { what: /^npm test$/, because: 'is what runs this' },
  { what: /^npm run (?:languages|routes|commands|pictures)$/, because: 'writes what other tests compare' },
  {
    what: /^npm run (?:bench|crash|nodes|overload|scaling)\b/,
    because: 'takes minutes, and the tests of test/',
  },
  {
    what: /^python manage\.py |gatehouse users import /,
    because: 'needs a file of another system: test/commands/users/import.test.ts runs it',
  },
  { what: /^node dist\/test\//, because: 'is a test: npm test or npm run test:heavy runs it' },
  { what: /^jq |pino-pretty$/, because: 'needs programs that are not in package.json' },
]

/** Returns the commands of a fenced shell block, without comments, each on one line. */
export function commandsIn(block: string): string[] {
  return block
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .map((line) => line.replace(/(?:^|\s+)# .*$/, '').trim())
    .flatMap((line) => line.split(' && '))
    .filter((command) => command !== '')
}
