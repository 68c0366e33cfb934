import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { recordsOf } from '../../../src/commands/import/records.js'
import { type Secrets, SOURCES, type SourceUser } from '../../../src/commands/import/sources.js'
import { verifyForeign } from '../../../src/secrets/foreign-digest.js'
import { foreignText } from '../../../src/secrets/foreign-hash.js'
import { FIREBASE, FUECHSE, PEPPER } from '../../secrets/foreign-vectors.js'

const test = suite('what other systems write')
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
test.after(() => rmSync(folder, { recursive: true }))

const BCRYPT = '$2y$05$FVlWySKqDZjPO.8/K.uYsue9h.blq3j18Y5.EFYDSl/IkuhVSWzTC'

interface Case {
  file: string
  password?: string
  secrets?: Partial<Secrets>
  people: readonly Partial<SourceUser>[]
}

async function read(source: string, { file, secrets = {} }: Case): Promise<(SourceUser | undefined)[]> {
  const path = join(folder, source)
  writeFileSync(path, file)
  const found = []
  const isUsersObject = source === 'firebase' || source === 'keycloak'
  for await (const record of recordsOf(path, { isUsersObject }).records) {
    found.push(SOURCES[source]?.(record, { pepper: undefined, firebase: undefined, ...secrets }))
  }
  return found
}

const ANNA = { name: 'anna', isDisplayName: false, email: 'anna@example.com', isDisabled: false }
const AT = Date.UTC(2020, 4, 6, 7, 8, 9)

const CASES: Record<string, Case> = {
  django: {
    file: JSON.stringify([
      { model: 'auth.group', pk: 1, fields: { name: 'staff' } },
      {
        model: 'auth.user',
        pk: 42,
        fields: {
          password: 'pbkdf2_sha1$2600$seasalt2$RCmxXStSIOP7PWMWzlmHC+A11nA=',
          is_active: true,
          username: 'anna',
          email: 'anna@example.com',
          date_joined: '2020-05-06T07:08:09.000Z',
        },
      },
      { model: 'auth.user', pk: 43, fields: { password: '!x', is_active: false, username: 'b', email: '' } },
    ]),
    people: [
      { ...ANNA, sourceId: '42', createdAt: AT, confirmedAt: null },
      { sourceId: '43', name: 'b', isDisabled: true, hashText: '' },
    ],
  },
  devise: {
    file: `id,email,encrypted_password,username,confirmed_at,created_at\n7,anna@example.com,$2b$04$dwBQwpV5WHBQ36qXjti/dOlUNpY/i.3pbiOLAq01fHXGvud7qiMVC,anna,2020-05-06 07:08:09,2020-05-06 07:08:09.000\n`,
    secrets: { pepper: PEPPER },
    people: [{ ...ANNA, sourceId: '7', createdAt: AT, confirmedAt: AT }],
  },
  laravel: {
    file: `"id","name","email","email_verified_at","password","created_at","deleted_at"
1,"Anna, the first",anna@example.com,"0000-00-00 00:00:00","${BCRYPT}","2020-05-06 07:08:09",NULL
2,"Bela",bela@example.com,,"${BCRYPT}","2020-05-06 07:08:09","2020-05-06 07:08:09"\n`,
    people: [
      {
        ...ANNA,
        name: 'Anna, the first',
        isDisplayName: true,
        sourceId: '1',
        confirmedAt: null,
        isDeleted: false,
      },
      { sourceId: '2', isDeleted: true },
    ],
  },
  wordpress: {
    file: `ID,user_login,user_email,user_pass,user_registered\n5,anna,anna@example.com,$P$B4lzsqhs6Zn8U47X/hOyVoyNcELpEM0,"2020-05-06 07:08:09"\n`,
    people: [{ ...ANNA, sourceId: '5', createdAt: AT }],
  },
  'better-auth': {
    file: JSON.stringify([
      {
        id: 'x1',
        name: 'Anna',
        email: 'anna@example.com',
        emailVerified: true,
        createdAt: '2020-05-06T07:08:09.000Z',
        password:
          '98f3ce84e0796f88317561e4be8be59b:7a5ad7555f38ed717d9799ac0f7149e38773f7581ae5f8046824a0a462400ef4d6f42ae86a5df28c5a664a5e481c7c465c9c2af01af103e0f3114cf7238f5170',
      },
    ]),
    people: [{ ...ANNA, name: 'Anna', isDisplayName: true, sourceId: 'x1', createdAt: AT, confirmedAt: AT }],
  },
  auth0: {
    file: `${JSON.stringify({ _id: { $oid: '5f1' }, email: 'anna@example.com', email_verified: true, passwordHash: BCRYPT, created_at: '2020-05-06T07:08:09.000Z' })}\n`,
    people: [{ sourceId: '5f1', name: '', confirmedAt: AT, createdAt: AT }],
  },
  firebase: {
    file: JSON.stringify({
      users: [
        {
          localId: 'kYi4',
          email: 'anna@example.com',
          emailVerified: false,
          passwordHash:
            'L0SL-M-pVyY0_XlZISasgECqtrwM1NSOxHQqmJ7dIT_Kv86cIrnmg_qiUoNSGyT671NqF-2MTboBgN_7oo-tBQ==',
          salt: '42xEC-ixf3L2lw==',
          createdAt: `${AT}`,
          disabled: true,
        },
      ],
    }),
    secrets: { firebase: FIREBASE },
    people: [{ sourceId: 'kYi4', createdAt: AT, confirmedAt: null, isDisabled: true }],
  },
  keycloak: {
    file: JSON.stringify({
      realm: 'shop',
      roles: { realm: [{ id: 'r', users: [{ id: 'not a user' }] }] },
      users: [
        {
          id: 'k1',
          createdTimestamp: AT,
          username: 'anna',
          enabled: true,
          emailVerified: true,
          email: 'anna@example.com',
          attributes: { locale: ['de'] },
          credentials: [
            { type: 'otp', secretData: '{"value":"x"}', credentialData: '{}' },
            {
              type: 'password',
              secretData: JSON.stringify({
                value:
                  '7auKHPzP+weZLaviKbnBQmqDztiawKmgoItr3xj8AlJX9GIQbVJq12sTSSws8wk2ovp+qSpl8P1Dg+GpxGnxiA==',
                salt: 'AAECAwQFBgcICQoLDA0ODw==',
                additionalParameters: {},
              }),
              credentialData: JSON.stringify({
                hashIterations: 2750,
                algorithm: 'pbkdf2-sha256',
                additionalParameters: {},
              }),
            },
          ],
        },
      ],
    }),
    people: [{ ...ANNA, sourceId: 'k1', createdAt: AT, language: 'de' }],
  },
  'flask-security': {
    file: 'id,email,username,password,active,confirmed_at\n3,anna@example.com,anna,$2b$04$8XrOJBW7qsuA6Y/t/G48Sua2PwVoTq5xyJSZ6UBepwd/Sjan7JUI2,t,2020-05-06 07:08:09+00\n',
    secrets: { pepper: '146585145368132386173505678016728509634' },
    people: [{ ...ANNA, sourceId: '3', confirmedAt: AT }],
  },
  csv: {
    file: `\uFEFFid;no\r\n1;x\r\n`
      .replaceAll(';', ',')
      .replace('id,no', 'ID,Username,Email,Password_Hash,Confirmed,Disabled')
      .replace('1,x', `1,anna,anna@example.com,${BCRYPT},yes,no`),
    people: [{ ...ANNA, sourceId: '1' }],
  },
  ndjson: {
    file: `{"id":1,"username":"anna","email":"anna@example.com","passwordHash":"${BCRYPT}","confirmedAt":"2020-05-06T07:08:09Z","language":"fr"}\n\n`,
    people: [{ ...ANNA, sourceId: '1', confirmedAt: AT, language: 'fr' }],
  },
}

for (const [source, one] of Object.entries(CASES)) {
  test(`${source}: users with their passwords`, async () => {
    const found = (await read(source, one)).filter((person) => person !== undefined)
    assert.is(found.length, one.people.length)
    for (const [index, wanted] of one.people.entries()) {
      const person = found[index]
      for (const [key, value] of Object.entries(wanted)) {
        assert.equal(Reflect.get(person ?? {}, key), value, key)
      }
    }
    const hash = found[0]?.hash
    assert.ok(hash)
    assert.ok(verifyForeign(foreignText(hash), FUECHSE))
    assert.not.ok(verifyForeign(foreignText(hash), 'wrong'))
  })
}

const SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'

async function appsIn(source: string, file: string) {
  const found = await read(source, { file, people: [] })
  return found.map((one) => [one?.appText === '', one?.appSecret])
}

test('authenticator apps come from a column of any list, and of devise-two-factor once they count', async () => {
  const list = `id,totp_secret\n1,${SECRET}\n2,\n3,x\n`
  const expected = [
    [false, SECRET],
    [true, undefined],
    [false, undefined],
  ]
  for (const source of ['csv', 'laravel', 'better-auth', 'flask-security', 'wordpress'])
    assert.equal(await appsIn(source, list), expected, source)
  assert.equal(await appsIn('ndjson', `{"id":1,"totpSecret":"${SECRET}"}`), [[false, SECRET]])
  const devise = `id,otp_secret,otp_required_for_login\n1,${SECRET},t\n2,${SECRET},f\n`
  assert.equal(await appsIn('devise', devise), [
    [false, SECRET],
    [true, undefined],
  ])
})

test('authenticator apps come from the credentials of Keycloak', async () => {
  const usual = { subType: 'totp', digits: 6, counter: 0, period: 30, algorithm: 'HmacSHA1' }
  const user = (value: string, settings: object) => ({
    id: value,
    credentials: [
      { type: 'otp', secretData: JSON.stringify({ value }), credentialData: JSON.stringify(settings) },
    ],
  })
  const users = [
    user('12345678901234567890', usual),
    user(SECRET, { ...usual, secretEncoding: 'BASE32' }),
    ...[{ subType: 'hotp' }, { digits: 8 }, { period: 60 }, { algorithm: 'HmacSHA256' }].map((one) =>
      user('12345678901234567890', { ...usual, ...one }),
    ),
    { id: 'none' },
  ]
  assert.equal(await appsIn('keycloak', JSON.stringify({ users })), [
    ...Array(2).fill([false, SECRET]),
    ...Array(4).fill([false, undefined]),
    [true, undefined],
  ])
})

test('every system has a case', () => {
  assert.equal(Object.keys(CASES).sort(), Object.keys(SOURCES).sort())
})

test('a line that is not a JSON object is reported', async () => {
  writeFileSync(join(folder, 'broken'), '{"id":1}\n{"id":\n[1]\n')
  const found = []
  for await (const record of recordsOf(join(folder, 'broken'), { isUsersObject: false }).records)
    found.push(record)
  assert.equal(found, [{ id: 1 }, undefined, undefined])
})

test.run()
