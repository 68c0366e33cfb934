/** What pages call a site that has no name of its own. */
export const SITE_NAME = 'Gatehouse'

/** Where visitors arrive, as paths. */
export interface Places {
  home: string
  afterSignup: string
  afterLogin: string
  afterLogout: string
}
