import { isOverlong } from '../base/normal-form.js'
import type { FieldError } from '../web/form.js'

export interface Field {
  missing?: FieldError
  long?: Rule
  rules: readonly Rule[]
}

export interface Rule extends FieldError {
  isBroken(value: string): boolean
}

export function check(field: Field, value: string): FieldError[] {
  if (value === '') return field.missing === undefined ? [] : [field.missing]
  const rules = field.long?.isBroken(value) ? [field.long] : field.rules
  return rules.filter((rule) => rule.isBroken(value)).map(({ isBroken: _, ...broken }) => broken)
}

/** Code points, or UTF-16 units if it is far too long. */
export function lengthOf(text: string): number {
  return isOverlong(text) ? text.length : [...text].length
}
