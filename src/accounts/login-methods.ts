export type SecondMethod = 'app' | 'recovery'

/** A way in which a visitor has shown who they are. */
export type Method = 'signup' | 'password' | 'host' | SecondMethod

/** Whether it shows who someone is. `host`: the app says so. */
export function isFirst(method: Method): boolean {
  return method === 'password' || method === 'host'
}

export function isSecond(method: Method): method is SecondMethod {
  return method === 'app' || method === 'recovery'
}
