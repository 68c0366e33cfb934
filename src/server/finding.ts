export interface Finding {
  about: string
  level: 'fine' | 'warning' | 'wrong'
  says: string
}

export type Verdict = Omit<Finding, 'about'>

export const fine = (says: string): Verdict => ({ level: 'fine', says })
export const warning = (says: string): Verdict => ({ level: 'warning', says })
export const wrong = (says: string): Verdict => ({ level: 'wrong', says })
