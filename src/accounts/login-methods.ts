export type SecondMethod = 'app' | 'recovery'

/** A way in which a visitor has shown who they are. */
export type Method = 'signup' | 'password' | SecondMethod

export function isSecond(method: Method): method is SecondMethod {
  return method === 'app' || method === 'recovery'
}
