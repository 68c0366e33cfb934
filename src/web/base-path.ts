interface Address {
  baseUrl?: string | undefined
  prefix?: string
}

/** The path of `baseUrl`, which a proxy takes off: '' or '/club'. */
export function basePathOf({ baseUrl }: Pick<Address, 'baseUrl'>): string {
  return baseUrl === undefined ? '' : new URL(baseUrl).pathname.replace(/\/$/, '')
}

/** What the paths of all pages begin with in a browser. */
export function wholePrefixOf({ baseUrl, prefix = '' }: Address): string {
  return basePathOf({ baseUrl }) + prefix
}
