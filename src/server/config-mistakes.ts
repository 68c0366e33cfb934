/* What is wrong with variables that are right one by one: some are missing, or do not go together. */
import { isPackage } from '../base/package.js'
import { isPostgresUrl } from '../database/locate.js'
import { splitKeys } from '../secrets/keyring.js'
import { basePathOf } from '../web/base-path.js'
import { coversPages } from '../web/sealed-cookie.js'
import { type Environment, isPasskeyDomain } from './environment.js'
import { mailMistakes } from './mail-mistakes.js'

type Given = readonly [string, string | undefined][]

export function missing(given: Given, { production }: { production: boolean }): string[] {
  return [
    ...(production ? missingInProduction(given) : []),
    ...(isPackage ? missingInPackage(given, { production }) : []),
  ]
}

export function conflicts(data: Environment, { production }: { production: boolean }): string[] {
  const mistakes: [is: unknown, sentence: string][] = [
    [
      !coversPages(data.COOKIE_PATH, basePathOf({ baseUrl: data.BASE_URL })),
      'COOKIE_PATH must be / or a prefix of the path in BASE_URL.',
    ],
    [
      data.PASSKEY_DOMAIN !== undefined && !isPasskeyDomain(data.PASSKEY_DOMAIN, data.BASE_URL),
      'PASSKEY_DOMAIN must be the host of BASE_URL or a parent domain of it.',
    ],
    [
      data.PASSKEY_ORIGINS !== undefined && data.BASE_URL === undefined,
      'BASE_URL must be set with PASSKEY_ORIGINS.',
    ],
    [
      data.SECOND_STEP_FROM !== undefined && data.SECOND_STEP === 'optional',
      'SECOND_STEP must be required or admins with SECOND_STEP_FROM.',
    ],
  ]
  return [
    ...mailMistakes(data, { production }),
    ...mistakes.filter(([is]) => is).map(([, sentence]) => sentence),
  ]
}

function missingInProduction(given: Given): string[] {
  const { BASE_URL, DATABASE_URL = '', SESSION_KEYS = '' } = Object.fromEntries(given)
  const missing = []
  if (BASE_URL === undefined) {
    missing.push(
      'BASE_URL must be set in production. It is the address people see, such as https://example.com.',
    )
  }
  if (splitKeys(SESSION_KEYS).length === 0 && isPostgresUrl(DATABASE_URL)) {
    missing.push(
      'SESSION_KEYS must be set in production with PostgreSQL. All nodes on one database need the same keys.',
    )
  }
  return missing
}

// The default paths are in the folder of Gatehouse, which belongs to npm if Gatehouse is a dependency.
function missingInPackage(given: Given, { production }: { production: boolean }): string[] {
  const { DATABASE_URL, SESSION_KEYS = '' } = Object.fromEntries(given)
  if (DATABASE_URL === undefined) {
    return [
      'DATABASE_URL must be set if Gatehouse is a dependency of your app. It is the database you pass to accounts(), such as sqlite:accounts.sqlite. Or export your options in gatehouse.config.js.',
    ]
  }
  if (production || !isPostgresUrl(DATABASE_URL) || splitKeys(SESSION_KEYS).length > 0) return []
  return [
    'SESSION_KEYS must be set if Gatehouse is a dependency of your app and uses PostgreSQL. These are the keys you pass to accounts().',
  ]
}
