import { hashSync, type Options, verifySync } from '@node-rs/argon2'

export type HashingTask = { password: string; options: Options } | { password: string; known: string }

export default function work(task: HashingTask): string | boolean {
  return 'known' in task ? verifySync(task.known, task.password) : hashSync(task.password, task.options)
}
