import { LimitReached } from '../accounts/limit-reached.js'
import type { PreparedMail } from '../accounts/mail-content.js'
import { MINUTE } from '../base/durations.js'
import type { Gatehouse } from '../visitor/gatehouse.js'
import type { Form } from '../web/form.js'
import type { Sample } from './sample.js'

export type Exhibit = Place & (PageExhibit | EmailExhibit)

interface Place {
  page: string
  state: string
}

export interface PlainPage {
  template: string
  states: Record<string, Omit<Sample, 'template'>>
}

export interface PageExhibit {
  sample: Sample
}

export interface EmailExhibit {
  letter: PreparedMail
  as: 'html' | 'text'
}

export type Setting = Pick<Gatehouse, 'url' | 'lifetimes' | 'rules'> & { now: number }

export const LIMITED = new LimitReached('loginName', 4 * MINUTE).visitorMessage

export function formNamed(name: string, secret: readonly string[] = []): Form {
  return { name, fields: ['made-up'], secret }
}

export function exhibitStates(
  name: string,
  variant: string | undefined,
  samples: Record<string, Sample>,
): Exhibit[] {
  const page = name.replaceAll('/', '-')
  return Object.entries(samples).map(([state, sample]) => ({
    page,
    state: variant === undefined ? state : `${variant}-${state}`,
    sample,
  }))
}
