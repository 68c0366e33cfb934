import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseDotEnv } from '../../src/server/dot-env.js'
import { Program } from '../support/program.js'

const test = suite('.env')
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
test.after(() => rmSync(folder, { recursive: true, force: true }))

const utf8 = (text: string) => Buffer.from(text)
const utf16 = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le')
const BOTH = { NODE_ENV: 'production', PORT: '3001' }

const READ: [what: string, bytes: Buffer, meant: Record<string, string>][] = [
  ['lines', utf8('NODE_ENV=production\nPORT=3001\n'), BOTH],
  ['a byte order mark', utf8('\ufeffNODE_ENV=production\nPORT=3001'), BOTH],
  ['line ends of Windows', utf8('NODE_ENV=production\r\nPORT=3001\r\n'), BOTH],
  ['line ends of old Macs', utf8('NODE_ENV=production\rPORT=3001\r'), BOTH],
  ['UTF-16', utf16('NODE_ENV=production\r\nPORT=3001\r\n'), BOTH],
  ['UTF-16 the other way round', utf16('NODE_ENV=production\nPORT=3001').swap16(), BOTH],
  ['what shells read', utf8('export NODE_ENV=production\n  export\tPORT = 3001 \n'), BOTH],
  ['comments', utf8('# A=1\n\n  # B\nNODE_ENV=production # C=2\nPORT=3001\t#\n#'), BOTH],
  ['quotes', utf8(`NODE_ENV="production" # yes\nPORT='3001'`), BOTH],
  ['a space that is none of ASCII', utf8('\u00a0NODE_ENV=production\u00a0\nPORT=3001'), BOTH],
  ['the last of two', utf8('NODE_ENV=test\nNODE_ENV=production\nPORT=3001'), BOTH],
  ['signs in quotes', utf8('A="a#b \' ` "\nB=`"\'`\nC="#"'), { A: `a#b ' \` `, B: `"'`, C: '#' }],
  ['a value over several lines', utf8(`A='a\nb'\nB="a\\nb"`), { A: 'a\nb', B: 'a\nb' }],
  ['an = and quotes within', utf8('A=a=b\nB=Our "Site" <a@b.c>'), { A: 'a=b', B: 'Our "Site" <a@b.c>' }],
  ['nothing', utf8('A=\nB= # none\nC=""'), { A: '', B: '', C: '' }],
  ['an empty file', utf8(''), {}],
]

for (const [what, bytes, meant] of READ) {
  test(`reads ${what}`, () => assert.equal(Object.fromEntries(parseDotEnv(bytes)), meant))
}

const REFUSED: [what: string, bytes: Buffer, line?: number][] = [
  ['a line without =', utf8('PORT=3001\n\nNODE_ENV production\n'), 3],
  ['a colon', utf8('NODE_ENV: production'), 1],
  ['a name that is none', utf8('PORT=1\nNODE-ENV=production'), 2],
  ['an invisible character in a name', utf8('PORT=1\nNODE_ENV\u200b=production'), 2],
  ['no name', utf8('=production'), 1],
  ['a # that may be a comment', utf8('A=1\nTOKEN=s3cret#s3cret'), 2],
  ['a quote that does not end', utf8('A=1\nTOKEN="s3cret\nPORT=1'), 2],
  ['something behind a quoted value', utf8('TOKEN="s3cret"s3cret'), 1],
  ['UTF-16 without a mark', utf16('NODE_ENV=production').subarray(2)],
  ['another encoding', Buffer.from('NODE_ENV=prod\xfcction', 'latin1')],
  ['something that is no text', utf8('A=1\0\nNODE_ENV=production')],
]

for (const [what, bytes, line] of REFUSED) {
  test(`refuses ${what} without showing it`, () => {
    assert.throws(
      () => parseDotEnv(bytes),
      (error: Error) =>
        /^\.env .+\.$/.test(error.message) &&
        !error.message.includes('s3cret') &&
        (line === undefined || error.message.includes(`at line ${line}:`)),
    )
  })
}

test('is read by the site, and an empty variable counts as not set', async () => {
  writeFileSync(join(folder, '.env'), utf16('NODE_ENV=production\r\nPORT=nonsense\r\n'))
  const site = new Program([join(import.meta.dirname, '../../src/site.js')], {
    cwd: folder,
    env: { NODE_ENV: '' },
  })
  assert.is(await site.end, 1)
  assert.match(site.stderr, /^PORT must be /m)
  assert.match(site.stderr, /^BASE_URL must be set in production/m)
})

test('an ambiguous line is an error at start', async () => {
  writeFileSync(join(folder, '.env'), 'NODE_ENV production\n')
  const site = new Program([join(import.meta.dirname, '../../src/site.js')], { cwd: folder })
  assert.is(await site.end, 1)
  assert.is(site.stderr.split('\n')[1]?.startsWith('.env cannot be read at line 1: '), true, site.stderr)
})

test.run()
