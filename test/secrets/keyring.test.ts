import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { siteKeys } from '../../src/secrets/key-file.js'
import { createKeyring, splitKeys } from '../../src/secrets/keyring.js'
import { Program } from '../support/program.js'

const ONE = Buffer.alloc(32, 1).toString('base64url')
const TWO = Buffer.alloc(32, 2).toString('base64url')

const test = suite<{ folder: string; keyFile: string }>('keys')

test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
  context.keyFile = join(context.folder, 'site.sqlite.key')
})

test.after.each(({ folder }) => rmSync(folder, { recursive: true }))

function secretsOf(keys: string[], purpose: string): string[] {
  return createKeyring(keys)
    .cipherKeys(purpose)
    .map(({ id, secret }) => `${id.toString('hex')} ${secret.toString('hex')}`)
}

test('derived keys have the right length and order, and never change', () => {
  const [one, two] = createKeyring([ONE, TWO]).cipherKeys('cookie')
  assert.equal([one?.id.length, one?.secret.length], [4, 32])
  assert.equal([two?.id.length, two?.secret.length], [4, 32])
  assert.equal(secretsOf([ONE, TWO], 'cookie'), [
    ...secretsOf([ONE], 'cookie'),
    ...secretsOf([TWO], 'cookie'),
  ])
})

test('each purpose and each key derives a different key', () => {
  const derived = [
    [ONE, 'cookie'],
    [ONE, 'mail'],
    [ONE, ''],
    [TWO, 'cookie'],
    [TWO, 'mail'],
  ] as const
  const keys = derived.map(([key, purpose]) => createKeyring([key]).cipherKeys(purpose)[0])
  assert.is(new Set(keys.map((key) => key?.id.toString('hex'))).size, derived.length)
  assert.is(new Set(keys.map((key) => key?.secret.toString('hex'))).size, derived.length)
  assert.not.ok(keys.some((key) => key?.secret.toString('base64url') === ONE))
})

for (const [what, key] of Object.entries({
  'is too short': ONE.slice(1),
  'is too long': `${ONE}A`,
  'is padded': `${ONE}=`,
  'is standard base64': `+/${ONE.slice(2)}`,
  'has unused bits': `${ONE.slice(0, -1)}B`,
  'has a space': ` ${ONE.slice(1)}`,
  'is hex': Buffer.alloc(32, 1).toString('hex'),
  'is empty': '',
})) {
  test(`a key that ${what} is refused, and the error does not quote it`, () => {
    assert.throws(
      () => createKeyring([ONE, key]),
      (error: Error) =>
        error.message.startsWith('Key 2 must be') && (key === '' || !error.message.includes(key)),
    )
  })
}

test('throws without a key', () => {
  assert.throws(() => createKeyring([]), /No key was given/)
})

test('a list is split at commas, with and without spaces', () => {
  assert.equal(splitKeys(`${ONE},${TWO}`), [ONE, TWO])
  assert.equal(splitKeys(` ${ONE} ,\n ${TWO} \n`), [ONE, TWO])
  assert.equal(splitKeys(`,${ONE},,`), [ONE])
  for (const empty of ['', ' ', ',', ' , \n']) assert.equal(splitKeys(empty), [])
})

test('keys in the settings are used, and no file is created', ({ folder, keyFile }) => {
  assert.equal(siteKeys({ sessionKeys: [TWO, ONE], keyFile }), [TWO, ONE])
  assert.equal(readdirSync(folder), [])
})

test('a key file is created once, readable only by its owner', ({ folder, keyFile }) => {
  const umask = process.umask(0)
  const keys = siteKeys({ sessionKeys: [], keyFile })
  process.umask(umask)
  assert.is(keys.length, 1)
  createKeyring(keys)
  assert.is(statSync(keyFile).mode & 0o777, 0o600)
  assert.equal(readdirSync(folder), ['site.sqlite.key'])
  const content = readFileSync(keyFile, 'utf8')
  assert.equal(siteKeys({ sessionKeys: [], keyFile }), keys)
  assert.is(readFileSync(keyFile, 'utf8'), content)
})

test('a key file is created beside the draft of another container', ({ keyFile }) => {
  const draft = `${keyFile}.${process.pid}`
  writeFileSync(draft, 'Half a key.')
  createKeyring(siteKeys({ sessionKeys: [], keyFile }))
  assert.is(readFileSync(draft, 'utf8'), 'Half a key.')
})

test('another site gets another key', ({ keyFile }) => {
  const other = siteKeys({ sessionKeys: [], keyFile: `${keyFile}-other` })
  assert.not.equal(siteKeys({ sessionKeys: [], keyFile }), other)
})

test('a key file that was changed by hand is read', ({ keyFile }) => {
  writeFileSync(keyFile, `${TWO}, ${ONE}\n`)
  chmodSync(keyFile, 0o400)
  assert.equal(siteKeys({ sessionKeys: [], keyFile }), [TWO, ONE])
})

for (const [what, content] of Object.entries({
  empty: '',
  cut: ONE.slice(0, 20),
  'of zeros': '\0'.repeat(44),
  'half right': `${ONE},${TWO.slice(1)}`,
  'of another kind': 'SQLite format 3\0',
})) {
  test(`a key file that is ${what} is named in the error, and stays unchanged`, ({ keyFile }) => {
    writeFileSync(keyFile, content)
    assert.throws(
      () => siteKeys({ sessionKeys: [], keyFile }),
      (error: Error) =>
        error.message.includes(keyFile) && !(content !== '' && error.message.includes(content)),
    )
    assert.is(readFileSync(keyFile, 'utf8'), content)
  })
}

// With one process id, as in containers that share a folder.
const MAKER = `
  import { createInterface } from 'node:readline'
  Object.defineProperty(process, 'pid', { value: 1 })
  import { siteKeys } from ${JSON.stringify(pathToFileURL(join(import.meta.dirname, '../../src/secrets/key-file.js')))}
  console.log('waiting')
  for await (const keyFile of createInterface({ input: process.stdin })) {
    if (keyFile === '') break
    console.log(keyFile + ' has ' + siteKeys({ sessionKeys: [], keyFile }))
  }
  process.stdin.destroy()
`

test('four processes in parallel create one key, also in containers', async ({ folder }) => {
  const makers = Array.from(
    { length: 4 },
    () => new Program(['--input-type=module', '-e', MAKER], { cwd: folder }),
  )
  try {
    await Promise.all(makers.map((maker) => maker.says(/^waiting$/m)))
    for (let round = 0; round < 10; round++) await makeInParallel(makers, join(folder, `round-${round}.key`))
  } finally {
    for (const maker of makers) maker.hear('')
    await Promise.all(makers.map(({ end }) => end))
  }
})

async function makeInParallel(makers: Program[], keyFile: string): Promise<void> {
  for (const maker of makers) maker.hear(keyFile)
  const keys = await Promise.all(makers.map((maker) => maker.says(new RegExp(`${keyFile} has (.{43})\\n`))))
  assert.is(new Set(keys.map(([, key]) => key)).size, 1)
  assert.is(readFileSync(keyFile, 'utf8').trim(), keys[0]?.[1])
}

test.run()
