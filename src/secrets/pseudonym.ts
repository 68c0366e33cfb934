import { createHmac } from 'node:crypto'

export type Pseudonym = (text: string) => string

const LENGTH = 12

// HMAC, so that readers of the log cannot guess the text.
export function createPseudonym(secret: Buffer | undefined): Pseudonym {
  if (secret === undefined) throw new Error('createPseudonym needs a secret.')
  return (text) => createHmac('sha256', secret).update(text).digest('base64url').slice(0, LENGTH)
}
