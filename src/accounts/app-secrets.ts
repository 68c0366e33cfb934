import * as apps from '../tables/authenticator-apps.js'
import type { Registry } from './registry.js'

export function appContext(userId: string): string {
  return `app of ${userId}`
}

export async function appOf(
  { database, appCipher }: Pick<Registry, 'database' | 'appCipher'>,
  userId: string,
): Promise<apps.AuthenticatorApp | undefined> {
  const app = await apps.ofUser(database.main, userId)
  const secret = app && appCipher.decrypt(app.secret, appContext(userId))
  return app === undefined || secret === undefined ? undefined : { ...app, secret }
}

/** Encrypts again with the current key, so that old ones can be removed. */
export async function reencryptApps(
  { database: { main, loose }, appCipher }: Pick<Registry, 'database' | 'appCipher'>,
  size: { batch: number; skip: number },
): Promise<number> {
  if (appCipher.oldPrefixes.length === 0) return 0
  let done = 0
  for (const { userId, secret } of await apps.ofKeys(main, appCipher.oldPrefixes, size)) {
    const text = appCipher.decrypt(secret, appContext(userId))
    if (text === undefined) continue
    const secrets = { old: secret, new: appCipher.encrypt(text, appContext(userId)) }
    if (await apps.reencrypt(loose, userId, secrets)) done++
  }
  return done
}
