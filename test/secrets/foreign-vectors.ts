import {
  argon2Hash,
  bcryptHash,
  betterAuthHash,
  djangoHash,
  firebaseHash,
  flaskHash,
  keycloakHash,
  wordpressHash,
} from '../../src/secrets/foreign-formats.js'
import type { ForeignHash } from '../../src/secrets/foreign-hash.js'

/*
 * Hashes of other systems, and where each comes from. "By" means that the system itself, or the library that it uses, hashed the
 * password. "From its tests" means that the project publishes the hash with the password.
 */
export interface Vector {
  what: string
  made: `${'By' | 'From its tests'}${string}`
  password: string
  hash: ForeignHash | undefined
  isWeak?: true
}

export const FUECHSE = 'Füchse jagen 7'

export const PEPPER = 'a pepper of 32 characters, at most'

const FLASK_SALT = '146585145368132386173505678016728509634'

export const FIREBASE = {
  signerKey: 'jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==',
  separator: 'Bw==',
  rounds: 8,
  memory: 14,
}

export const VECTORS: readonly Vector[] = [
  {
    what: 'Django pbkdf2_sha256',
    made: 'From its tests (auth_tests/test_hashers.py)',
    password: 'lètmein',
    hash: djangoHash('pbkdf2_sha256$390000$seasalt$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c='),
  },
  {
    what: 'Django pbkdf2_sha1',
    made: 'By Django 3.2',
    password: FUECHSE,
    hash: djangoHash('pbkdf2_sha1$2600$seasalt2$RCmxXStSIOP7PWMWzlmHC+A11nA='),
  },
  {
    what: 'Django scrypt',
    made: 'From its tests',
    password: 'lètmein',
    hash: djangoHash(
      'scrypt$16384$seasalt$8$1$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw==',
    ),
  },
  {
    what: 'Django argon2 with its default costs',
    made: 'From its tests',
    password: 'secret',
    hash: djangoHash('argon2$argon2id$v=19$m=102400,t=2,p=8$Y041dExhNkljRUUy$TMa6A8fPJhCAUXRhJXCXdw'),
  },
  {
    what: 'Django argon2i',
    made: 'From its tests',
    password: 'secret',
    hash: djangoHash('argon2$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q'),
  },
  {
    what: 'Django argon2i without a version',
    made: 'From its tests',
    password: 'secret',
    hash: djangoHash(
      'argon2$argon2i$m=8,t=1,p=1$c29tZXNhbHQ$gwQOXSNhxiOxPOA0+PY10P9QFO4NAYysnqRt1GSQLE55m+2GYDt9FEjPMHhP2Cuf0nOEXXMocVrsJAtNSsKyfg',
    ),
  },
  {
    what: 'Django bcrypt_sha256',
    made: 'By Django 3.2',
    password: FUECHSE,
    hash: djangoHash('bcrypt_sha256$$2b$04$uC4bM2fWOsdO6AfVvuDHO.NyYPjQA6XLPmUf9UxQGl//zgK6/fb.q'),
  },
  {
    what: 'Django md5',
    made: 'From its tests',
    password: 'lètmein',
    hash: djangoHash('md5$seasalt$3f86d0d3d465b7b458c231bf3555c0e3'),
    isWeak: true,
  },
  {
    what: 'Django unsalted_md5',
    made: 'From its tests',
    password: 'lètmein',
    hash: djangoHash('88a434c88cca4e900f7874cd98123f43'),
    isWeak: true,
  },
  {
    what: 'Django sha1',
    made: 'From its tests',
    password: 'lètmein',
    hash: djangoHash('sha1$seasalt$cff36ea83f5706ce9aa7454e63e431fc726b2dc8'),
    isWeak: true,
  },
  {
    what: 'Django unsalted_sha1',
    made: 'From its tests',
    password: 'lètmein',
    hash: djangoHash('sha1$$6d138ca3ae545631b3abd71a4f076ce759c5700b'),
    isWeak: true,
  },
  {
    what: 'Laravel',
    made: 'By PHP 8.3, password_hash',
    password: FUECHSE,
    hash: bcryptHash('$2y$05$FVlWySKqDZjPO.8/K.uYsue9h.blq3j18Y5.EFYDSl/IkuhVSWzTC'),
  },
  {
    what: 'Devise with a pepper',
    made: 'By Devise 4.8.1',
    password: FUECHSE,
    hash: bcryptHash('$2a$04$UmJW5cc0SZS3NxKwiDclFugrUEdFjZ/WYkf5jSSwWdCCL52gPwHDi', [
      { do: 'append', text: PEPPER },
    ]),
  },
  {
    what: 'Phoenix',
    made: 'From its tests (test/base_test.exs of bcrypt_elixir)',
    password: 'ππππππππ',
    hash: bcryptHash('$2a$10$.TtQJ4Jr6isd4Hp.mVfZeuh6Gws4rOQ/vdBczhDx.19NFK0Y84Dle'),
  },
  {
    what: 'Supabase Argon2id',
    made: 'From its tests (internal/crypto/password_test.go)',
    password: 'test',
    hash: argon2Hash(
      '$argon2id$v=19$m=32,t=3,p=2$SFVpOWJ0eXhjRzVkdGN1RQ$RXnb8rh7LaDcn07xsssqqulZYXOM/EUCEFMVcAcyYVk',
    ),
  },
  {
    what: 'Supabase Argon2i',
    made: 'From its tests',
    password: 'test',
    hash: argon2Hash('$argon2i$v=19$m=16,t=2,p=1$bGJRWThNOHJJTVBSdHl2dQ$NfEnUOuUpb7F2fQkgFUG4g'),
  },
  {
    what: 'WordPress since 6.8',
    made: 'By PHP 8.3, password_hash of the HMAC that WordPress passes to it',
    password: '  Füchse jagen 7\n',
    hash: wordpressHash('$wp$2y$05$sBHewmjwF1DAOZQP60WB0.JwAcJszLzTdhEtLF3U/gAnGtl9U.kAq'),
  },
  {
    what: 'WordPress before 6.8',
    made: 'By phpass in PHP 8.3',
    password: FUECHSE,
    hash: wordpressHash('$P$B4lzsqhs6Zn8U47X/hOyVoyNcELpEM0'),
    isWeak: true,
  },
  {
    what: 'phpass with other rounds',
    made: 'From its tests (test.php)',
    password: 'test12345',
    hash: wordpressHash('$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0'),
    isWeak: true,
  },
  {
    what: 'WordPress before 2.5',
    made: 'By PHP 8.3, md5',
    password: FUECHSE,
    hash: wordpressHash('aa11581747cfcb395389149175070080'),
    isWeak: true,
  },
  {
    what: 'better-auth',
    made: 'By @better-auth/utils 0.5.1',
    password: FUECHSE,
    hash: betterAuthHash(
      '98f3ce84e0796f88317561e4be8be59b:7a5ad7555f38ed717d9799ac0f7149e38773f7581ae5f8046824a0a462400ef4d6f42ae86a5df28c5a664a5e481c7c465c9c2af01af103e0f3114cf7238f5170',
    ),
  },
  {
    what: 'better-auth, which hashes the NFKC form',
    made: 'By @better-auth/utils 0.5.1',
    password: 'ﬁnster １２３４',
    hash: betterAuthHash(
      'bd6160ad0289a04bbb133d0489855759:20bbb5b57a7a5797ebba923db6ce40d12134f79e3ec2f71b1260f89b83ad4573e0a218deff2e0603c12b5f3f6a701fc643b5c7430555ce2d03b188fb59f5efd3',
    ),
  },
  {
    what: 'Firebase',
    made: 'From its tests (README of firebase/scrypt)',
    password: 'user1password',
    hash: firebaseHash(
      'lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==',
      '42xEC+ixf3L2lw==',
      FIREBASE,
    ),
  },
  {
    what: 'Firebase, in the alphabet for URLs',
    made: 'By firebase-scrypt 2.2.0',
    password: FUECHSE,
    hash: firebaseHash(
      'L0SL-M-pVyY0_XlZISasgECqtrwM1NSOxHQqmJ7dIT_Kv86cIrnmg_qiUoNSGyT671NqF-2MTboBgN_7oo-tBQ==',
      '42xEC-ixf3L2lw==',
      FIREBASE,
    ),
  },
  {
    what: 'Keycloak pbkdf2-sha256',
    made: 'By Keycloak, in a published export of the realm “workshop”',
    password: 'password',
    hash: keycloakHash({
      algorithm: 'pbkdf2-sha256',
      iterations: 27_500,
      salt: 'P5rtFkGtPfoaryJ6PizUJw==',
      value: 'JsfNbCOIdZUbyBJ+BT+VoGI91Ec2rWLOvkLPDaX8e9k=',
      parameters: {},
    }),
  },
  {
    what: 'Keycloak pbkdf2-sha256 of 64 bytes',
    made: 'By Keycloak, in a published dump of its database',
    password: 'admin',
    hash: keycloakHash({
      algorithm: 'pbkdf2-sha256',
      iterations: 27_500,
      salt: 'DWobczblgCRZMULJ2hVCSQ==',
      value: 'uJj9/Yy4dcvZZpRvJP1YWDT/MZEIKCwt1Ax4L4zhOQjpRW71qMM0ajz7dbey/Ie7MMgiFgxOEz2I/eySvhxVOQ==',
      parameters: {},
    }),
  },
  {
    what: 'Keycloak pbkdf2-sha256 as its own tests import it',
    made: 'From its tests (migration-realm-26.6.0.json, offline-test-user)',
    password: 'password2',
    hash: keycloakHash({
      ...{ algorithm: 'pbkdf2-sha256', iterations: 27_500, parameters: {} },
      salt: 'rEIJDbs+BQqpx31v8mONWA==',
      value: 'kNwotFPNeuwelpT1HWt+E4ONXFK6wjd+h0zbzNBRGwOqacAjeY7vYN9QZQ46DlEKSdn04cEU/3RvX8WPcRegxg==',
    }),
  },
  {
    what: 'Keycloak pbkdf2-sha512',
    made: 'By Keycloak 24, in a published dump of its database',
    password: 'password',
    hash: keycloakHash({
      algorithm: 'pbkdf2-sha512',
      iterations: 210_000,
      salt: 'JaBKqx57IIB/dLDTpWBu+Q==',
      value: '5IL4kCCyOerhaEHfdK1BbjYxO6HitYLRtJOxwD8MUZH5wCgc1edmf35rWiP9sRxEwnQDstxch8twKh08Usi1fQ==',
      parameters: {},
    }),
  },
  {
    what: 'Keycloak argon2',
    made: 'By Keycloak, in a published export of the realm “iceberg”',
    password: 'iceberg',
    hash: keycloakHash({
      algorithm: 'argon2',
      iterations: 5,
      salt: 'RJ0aLMQ2qKbZuROs7qQhcA==',
      value: 'BuViHNDGmCq80fvpty/QoggTI8NSt0CuNDGgeoa5f5A=',
      parameters: { type: 'id', version: '1.3', memory: '7168', parallelism: '1', hashLength: '32' },
    }),
  },
  {
    what: 'Flask-Security with bcrypt',
    made: 'By Flask-Security 5.1.2',
    password: FUECHSE,
    hash: flaskHash('$2b$04$H9DTQnGTpO8V2gbov2vg7uazvEj9E4KxeQ3NGFAvmIFTlZalyTtFe', FLASK_SALT),
  },
  {
    what: 'Flask-Security with Argon2',
    made: 'By Flask-Security 5.1.2',
    password: FUECHSE,
    hash: flaskHash(
      '$argon2id$v=19$m=1024,t=2,p=2$BMA4B2BsjdGaM8ZYK4UwBg$TtxcEXAa5cwDJqVqaGH2Sw',
      FLASK_SALT,
    ),
  },
]
