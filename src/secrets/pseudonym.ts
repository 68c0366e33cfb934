import { createHmac } from 'node:crypto'

/** Stands for a text in the log: the same for the same text, as long as the newest key of the site is the same. */
export type Pseudonym = (text: string) => string

const LENGTH = 12

/** `secret` keeps whoever reads the log from trying which name or network it is. */
export function createPseudonym(secret: Buffer | undefined): Pseudonym {
  if (secret === undefined) throw new Error('createPseudonym needs a secret.')
  return (text) => createHmac('sha256', secret).update(text).digest('base64url').slice(0, LENGTH)
}
