import { onAcceptedEmail } from '../accounts/hints.js'
import { ENTER_PASSWORD, PASSWORD_NEEDED } from '../visitor/asking.js'
import { LOG_IN, LOGIN_NEEDED } from '../visitor/guards.js'
import { LOGGED_IN } from '../visitor/welcome.js'
import { FRAGMENT } from '../web/page.js'
import { PAGE_TOO_OLD } from '../web/submit.js'
import { type Exhibit, exhibitStates, formNamed, LIMITED, type Setting } from './exhibit.js'
import type { Sample } from './sample.js'

export function messageExhibits({ url }: Setting): Exhibit[] {
  const shown = (sample: Partial<Sample>): Sample => ({
    template: 'dev/gallery/messages.html',
    around: { user: undefined },
    ...sample,
  })
  const link = { href: url('login'), message: LOG_IN }
  const done = LOGGED_IN
  const needed = PASSWORD_NEEDED
  const ask = {
    form: formNamed('password/confirm'),
    button: ENTER_PASSWORD,
    values: { next: '/members/', _typed: 'sealed' },
  }
  const pageTooOld = PAGE_TOO_OLD
  return exhibitStates('messages', undefined, {
    empty: shown({}),
    error: shown({ errors: [pageTooOld] }),
    'error-with-link': shown({
      errors: [{ ...LOGIN_NEEDED, link }],
    }),
    'error-with-button': shown({ errors: [{ ...needed, ask }] }),
    limited: shown({ errors: [LIMITED] }),
    success: shown({ notice: { message: done } }),
    'success-with-link': shown({ notice: { message: done, link } }),
    'success-with-extra': shown({
      notice: { message: done, ...onAcceptedEmail('anna@gmial.com', '#main') },
    }),
    'success-and-onward': shown({ notice: { message: done }, onward: link }),
    'htmx-error': shown({ template: FRAGMENT, errors: [pageTooOld] }),
    'htmx-error-with-button': shown({ template: FRAGMENT, errors: [{ ...needed, ask }] }),
  })
}
