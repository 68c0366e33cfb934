import nunjucks from 'nunjucks'

// Replaces the type of @types/nunjucks, which is not installed with the package.
export interface Markup {
  toString(): string
}

const { SafeString } = nunjucks.runtime

// Keeps browsers from translating it, and its direction from affecting the text around it.
export function dataOf(text: unknown): Markup {
  return new SafeString(`<bdi translate="no">${escaped(String(text))}</bdi>`)
}

export function withMarkup<Values extends Record<string, unknown>>(
  values: Values | undefined,
  translate: (values: Values | undefined) => string,
): string | Markup {
  const pieces: string[] = []
  const replaced = Object.entries(values ?? {}).map(([name, value]) => [
    name,
    value instanceof SafeString ? `\uE000${pieces.push(String(value)) - 1}\uE001` : value,
  ])
  if (pieces.length === 0) return translate(values)
  const text = escaped(translate(Object.fromEntries(replaced)))
  return new SafeString(
    text.replaceAll(/\uE000(\d+)\uE001/g, (placeholder, place) => pieces[Number(place)] ?? placeholder),
  )
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
