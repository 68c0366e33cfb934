import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { stepOf } from '../../src/secrets/authenticator.js'
import { appSecretOf, readAppSecret } from '../../src/secrets/foreign-app.js'

const test = suite('authenticator apps of other systems')

// RFC 6238, appendix B.
const BYTES = '12345678901234567890'
const SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
const CODE = { code: '287082', lastStep: 0, now: 59_000 }

for (const text of [
  SECRET,
  'gezd gnbv gy3t qojq gezd gnbv gy3t qojq',
  'GEZD-GNBV-GY3T-QOJQ-GEZD-GNBV-GY3T-QOJQ',
  `otpauth://totp/Shop:anna%40example.com?secret=${SECRET}&issuer=Shop`,
  `otpauth://totp/Shop:anna?secret=${SECRET.toLowerCase()}&issuer=Shop&algorithm=SHA1&digits=6&period=30`,
  `otpauth://TOTP/anna?period=30&secret=${SECRET}`,
]) {
  test(`reads ${text}`, async () => {
    assert.is(readAppSecret(text), SECRET)
    assert.is(await stepOf({ secret: readAppSecret(text) ?? '', ...CODE }), 1)
  })
}

test('reads the bytes of Keycloak', () => {
  assert.is(appSecretOf(Buffer.from(BYTES)), SECRET)
})

test('reads short secrets, as Google Authenticator and Laravel Fortify made them, and padded ones', async () => {
  assert.is(readAppSecret('JBSWY3DPEHPK3PXP'), 'JBSWY3DPEHPK3PXP')
  assert.is(await stepOf({ secret: 'JBSWY3DPEHPK3PXP', ...CODE, code: '996554' }), 1)
  assert.is(readAppSecret('GEZDGNBVGY3TQOJQGEZDGNBVGY======'), 'GEZDGNBVGY3TQOJQGEZDGNBVGY')
})

for (const [what, text] of [
  ['a code that counts', `otpauth://hotp/anna?secret=${SECRET}&counter=1`],
  ['8 digits', `otpauth://totp/anna?secret=${SECRET}&digits=8`],
  ['another period', `otpauth://totp/anna?secret=${SECRET}&period=60`],
  ['SHA-256', `otpauth://totp/anna?secret=${SECRET}&algorithm=SHA256`],
  ['no secret', 'otpauth://totp/anna'],
  ['a broken URL', 'otpauth://[totp/anna'],
  ['an encrypted secret', 'eyJpdiI6IkF4bU1sT0dRPT0iLCJ2YWx1ZSI6Ing='],
  ['hexadecimal digits', '3132333435363738393031323334353637383930'],
  ['9 bytes', 'GEZDGNBVGY3TQOI'],
  ['65 bytes', 'GEZDGNBV'.repeat(13)],
] as const) {
  test(`refuses ${what}`, () => {
    assert.is(readAppSecret(text), undefined)
  })
}

test.run()
