import nunjucks from 'nunjucks'

/** HTML that a template writes as it is. Not by the type of Nunjucks, which the package does not bring along. */
export interface Markup {
  toString(): string
}

const { SafeString } = nunjucks.runtime

/** What people have chosen, as HTML: no browser translates it, and its direction leaves what stands around it alone. */
export function dataOf(text: unknown): Markup {
  return new SafeString(`<bdi translate="no">${escaped(String(text))}</bdi>`)
}

/** What `say` makes of these values; as HTML if there is some among them. */
export function saidWith<Values extends Record<string, unknown>>(
  values: Values | undefined,
  say: (values: Values | undefined) => string,
): string | Markup {
  const pieces: string[] = []
  const held = Object.entries(values ?? {}).map(([name, value]) => [
    name,
    value instanceof SafeString ? `\uE000${pieces.push(String(value)) - 1}\uE001` : value,
  ])
  if (pieces.length === 0) return say(values)
  const said = escaped(say(Object.fromEntries(held)))
  return new SafeString(said.replaceAll(/\uE000(\d+)\uE001/g, (hold, place) => pieces[Number(place)] ?? hold))
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (sign) => ENTITIES[sign] ?? sign)
}
