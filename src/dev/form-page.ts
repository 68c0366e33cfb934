import { USERNAME_TAKEN } from '../accounts/fields.js'
import { EMAIL_SUGGESTED, STRENGTH, USERNAME_SUGGESTED } from '../accounts/hints.js'
import { strengthOf } from '../accounts/password-strength.js'
import type { FieldError, Hint, Message, Values } from '../web/form.js'
import { FRAGMENT, HINTS } from '../web/page.js'
import { type Exhibit, exhibitStates, formNamed, LIMITED, type Setting } from './exhibit.js'
import type { Sample } from './sample.js'
import { type Person, peopleAt } from './samples.js'

export interface FormPage {
  name: string
  variant?: string
  isUsers?: boolean
  secret?: readonly string[]
  around?: (person: Person) => object
  given?: Values
  typed: (person: Person) => Values
  errors: readonly FieldError[]
  hints?: readonly Hint[]
  success: Message
  onward?: Message
}

export function exampleHints(): Hint[] {
  const { message } = strengthOf('anna1234', ['anna'])
  return [
    { ...USERNAME_TAKEN, field: 'username' },
    { ...USERNAME_SUGGESTED, params: { name: 'Anna2' } },
    { ...EMAIL_SUGGESTED, params: { email: 'anna@gmail.com' } },
    { ...message, field: 'password', meter: { label: STRENGTH, value: 2 } },
  ]
}

export function exampleHintsOn(name: string): Hint[] {
  return exampleHints().filter(({ field }) => field === name)
}

export function statesOf(page: FormPage, setting: Setting): Exhibit[] {
  const { anna, long, rightToLeft } = peopleAt(setting.now)
  const { name, variant, given = {}, errors, hints, success, onward } = page
  const sample = (person: Person, more: Partial<Sample> = {}): Sample => ({
    template: `${name}/page.html`,
    form: { ...formNamed(name, page.secret), hinted: [...new Set(hints?.map(({ field }) => field))] },
    around: { user: page.isUsers ? person.user : undefined, ...page.around?.(person) },
    ...more,
  })
  const typed = (person: Person) => sample(person, { values: page.typed(person) })
  const refused = (person: Person) => sample(person, { values: page.typed(person), errors })
  const accepted = sample(anna, {
    values: page.typed(anna),
    notice: { message: success },
    ...(onward && { onward: { href: setting.url('account'), message: onward } }),
  })
  return exhibitStates(name, variant, {
    empty: sample(anna, { values: given }),
    errors: refused(anna),
    success: accepted,
    limited: sample(anna, { values: page.typed(anna), errors: [LIMITED] }),
    long: refused(long),
    'right-to-left': typed(rightToLeft),
    ...(hints && {
      hints: { ...typed(anna), hints },
      'htmx-hints': { ...typed(anna), hints, template: HINTS },
    }),
    'htmx-errors': { ...refused(anna), template: FRAGMENT },
    'htmx-success': { ...accepted, template: FRAGMENT },
  })
}
