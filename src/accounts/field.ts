import { isBeyondAll } from '../base/normal-form.js'
import type { Broken } from '../web/form.js'

/** What is asked of one field: each rule once, for every form that has the field, the commands and all else. */
export interface Field {
  /** What is said of a field that was left empty; without it, it may be. */
  missing?: Broken
  /** Asked first: nothing else looks at a value that is too long, whose every letter would cost time. */
  long?: Rule
  /** Asked only of a value that was given; all that are broken are told together. */
  rules: readonly Rule[]
}

interface Rule extends Broken {
  isBroken(value: string): boolean
}

/** The errors of a field's value, in the order of its rules. */
export function check(field: Field, value: string): Broken[] {
  if (value === '') return field.missing === undefined ? [] : [field.missing]
  const rules = field.long?.isBroken(value) ? [field.long] : field.rules
  return rules.filter((rule) => rule.isBroken(value)).map(({ isBroken: _, ...broken }) => broken)
}

/** In code points; in UTF-16 units where even half of them would be too many. */
export function lengthOf(text: string): number {
  return isBeyondAll(text) ? text.length : [...text].length
}
