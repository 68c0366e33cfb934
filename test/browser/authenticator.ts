import type { CDPSession, Page } from 'playwright-core'

/** A virtual device with passkeys in one page of Chromium. */
export interface Authenticator {
  session: CDPSession
  id: string
}

interface Options {
  /** Whether it can verify its user by fingerprint, face or screen lock. */
  isVerifying?: boolean
  transport?: 'internal' | 'usb'
  isSynced?: boolean
}

export async function plugIn(
  page: Page,
  { isVerifying = true, transport = 'internal', isSynced = false }: Options = {},
): Promise<Authenticator> {
  const session = await page.context().newCDPSession(page)
  await session.send('WebAuthn.enable')
  const { authenticatorId: id } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport,
      hasResidentKey: true,
      hasUserVerification: isVerifying,
      isUserVerified: isVerifying,
      automaticPresenceSimulation: true,
      defaultBackupEligibility: isSynced,
      defaultBackupState: isSynced,
    },
  })
  return { session, id }
}

export async function unplug({ session, id: authenticatorId }: Authenticator): Promise<void> {
  await session.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId })
}

export async function countOf({ session, id: authenticatorId }: Authenticator): Promise<number> {
  const { credentials } = await session.send('WebAuthn.getCredentials', { authenticatorId })
  return credentials.length
}

/** Whether it responds immediately, as if touched, or waits. */
export async function setPresence(
  { session, id: authenticatorId }: Authenticator,
  enabled: boolean,
): Promise<void> {
  await session.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled })
}

export interface Stored {
  credentialId: string
  privateKey: string
  signCount: number
}

/** Returns its only passkey, with its secret. */
export async function keyIn({ session, id: authenticatorId }: Authenticator): Promise<Stored> {
  const { credentials } = await session.send('WebAuthn.getCredentials', { authenticatorId })
  const [credential] = credentials
  if (credential === undefined || credentials.length > 1) throw new Error('It should have one passkey.')
  return credential
}

/** Puts a copy of a passkey into it, as if stolen. */
export async function putKey(
  { session, id: authenticatorId }: Authenticator,
  { credentialId, privateKey, signCount }: Stored,
  { userId }: { userId: string },
): Promise<void> {
  const userHandle = Buffer.from(userId).toString('base64')
  await session.send('WebAuthn.addCredential', {
    authenticatorId,
    credential: {
      credentialId,
      privateKey,
      signCount,
      userHandle,
      rpId: 'localhost',
      isResidentCredential: true,
    },
  })
}
