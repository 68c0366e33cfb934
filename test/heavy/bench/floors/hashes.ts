/* F3: only Argon2id, at our costs. */
import { hash, verify } from '@node-rs/argon2'
import { PASSWORD } from '../forms.js'
import { runRounds } from './rounds.js'

const known = await hash(PASSWORD, { memoryCost: 19_456, timeCost: 2, parallelism: 1, algorithm: 2 })

runRounds(async () => {
  if (!(await verify(known, PASSWORD))) throw new Error('The password is right.')
})
