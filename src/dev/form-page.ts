import { adviceShown } from '../accounts/hints.js'
import type { Advice, FieldError, Message, Values } from '../web/form.js'
import { ADVICE, FRAGMENT } from '../web/page.js'
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
  advice?: readonly Advice[]
  success: Message
  onward?: Message
}

export function adviceOn(name: string): Advice[] {
  return adviceShown().filter(({ field }) => field === name)
}

export function statesOf(page: FormPage, setting: Setting): Exhibit[] {
  const { anna, long, rightToLeft } = peopleAt(setting.now)
  const { name, variant, given = {}, errors, advice, success, onward } = page
  const sample = (person: Person, more: Partial<Sample> = {}): Sample => ({
    template: `${name}/page.html`,
    form: { ...formNamed(name, page.secret), advised: [...new Set(advice?.map(({ field }) => field))] },
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
    ...(advice && {
      advised: { ...typed(anna), advice },
      'htmx-advised': { ...typed(anna), advice, template: ADVICE },
    }),
    'htmx-errors': { ...refused(anna), template: FRAGMENT },
    'htmx-success': { ...accepted, template: FRAGMENT },
  })
}
