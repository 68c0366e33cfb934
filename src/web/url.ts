/** The path of a page of ours under the host's prefix: `url('login')`, `url('users', slug)`. */
export type Url = (name: string, part?: string) => string

// Templates of hosts may still have the names of before: `account-name`.
export function urlsUnder(prefix: string): Url {
  const pathOf = (name: string) => (name.includes('/') ? name : name.replaceAll('-', '/'))
  return (name, part) =>
    `${prefix}/${pathOf(name)}/${part === undefined ? '' : `${encodeURIComponent(part)}/`}`
}
