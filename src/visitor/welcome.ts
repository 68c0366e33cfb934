import type { Context } from 'koa'
import type { Form, Values } from '../web/form.js'
import { localPath } from '../web/local-path.js'
import type { Gatehouse } from './gatehouse.js'

export const LOGGED_IN = { code: 'logged_in', sentence: 'You are logged in.' }
const LOGGED_IN_REOPENED = {
  code: 'logged_in_reopened',
  sentence: 'You are logged in. Your account is open again, and nothing will be deleted.',
}
export const GO_ON = { code: 'logged_in_go_on', sentence: 'Continue now' }

/** Responds to the form that completes a login. */
export async function welcome(
  ctx: Context,
  { pages, places, countLogin }: Gatehouse,
  form: Form,
  { isReopened, next, values }: { isReopened: boolean; next: string; values: Partial<Values> },
): Promise<void> {
  countLogin('logged_in')
  await pages.accept(ctx, form, {
    notice: { message: isReopened ? LOGGED_IN_REOPENED : LOGGED_IN },
    to: localPath(next) ?? places.afterLogin,
    onward: GO_ON,
    values,
  })
}
