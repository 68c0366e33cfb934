import { hashSync, type Options, verifySync } from '@node-rs/argon2'

export type HashingTask = { password: string } & (
  | { options: Options }
  | { known: string }
  | { foreign: string }
)

export default async function work(task: HashingTask): Promise<string | boolean> {
  if ('options' in task) return hashSync(task.password, task.options)
  if ('known' in task) return verifySync(task.known, task.password)
  const { verifyForeign } = await import('./foreign-digest.js')
  return verifyForeign(task.foreign, task.password)
}
