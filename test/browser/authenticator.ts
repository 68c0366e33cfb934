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

export async function countOf({ session, id: authenticatorId }: Authenticator): Promise<number> {
  const { credentials } = await session.send('WebAuthn.getCredentials', { authenticatorId })
  return credentials.length
}

/** Whether it answers at once, as if touched, or waits. */
export async function setPresence(
  { session, id: authenticatorId }: Authenticator,
  enabled: boolean,
): Promise<void> {
  await session.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled })
}
