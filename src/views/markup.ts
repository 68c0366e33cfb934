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

// For text on every page. With one letter beyond ASCII, writing a page to its socket takes 10 µs longer.
export function inAscii(text: string): Markup {
  const letters = [...escaped(text)].map((letter) =>
    letter > '\x7F' ? `&#${letter.codePointAt(0)};` : letter,
  )
  return new SafeString(letters.join(''))
}

export function withMarkup<Values extends Record<string, unknown>>(
  values: Values | undefined,
  translate: (values: Values | undefined) => string,
): string | Markup {
  const pieces: string[] = []
  const replaced = Object.entries(values ?? {}).map(([name, value]) => [
    name,
    value instanceof SafeString ? `\x91${pieces.push(String(value)) - 1}\x92` : value,
  ])
  if (pieces.length === 0) return translate(values)
  const text = escaped(translate(Object.fromEntries(replaced)))
  return new SafeString(
    text.replaceAll(/\x91(\d+)\x92/g, (placeholder, place) => pieces[Number(place)] ?? placeholder),
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
