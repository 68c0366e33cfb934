interface Address {
  baseUrl?: string | undefined
  prefix?: string
}

/** Returns the path of `baseUrl`, which the proxy strips: '' or '/club'. */
export function basePathOf({ baseUrl }: Pick<Address, 'baseUrl'>): string {
  return baseUrl === undefined ? '' : new URL(baseUrl).pathname.replace(/\/$/, '')
}

export function wholePrefixOf({ baseUrl, prefix = '' }: Address): string {
  return basePathOf({ baseUrl }) + prefix
}
