export const SITE_NAME = 'Gatehouse'

export interface Places {
  home: string
  afterSignup: string
  afterLogin: string
  afterLogout: string
}
