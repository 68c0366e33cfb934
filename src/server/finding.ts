/** What was looked at, and what is to be done about it. */
export interface Finding {
  /** Of what: a stable word. */
  about: string
  /** `wrong` keeps the site, or a part of it, from working; of a `warning` somebody should have thought. */
  level: 'fine' | 'warning' | 'wrong'
  /** In words, without secrets. */
  says: string
}

export type Verdict = Omit<Finding, 'about'>

export const fine = (says: string): Verdict => ({ level: 'fine', says })
export const warning = (says: string): Verdict => ({ level: 'warning', says })
export const wrong = (says: string): Verdict => ({ level: 'wrong', says })
