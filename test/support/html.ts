import { type ConfigData, HtmlValidate, type ResolvedConfig, StaticConfigLoader } from 'html-validate'
import * as assert from 'uvu/assert'
import { withPasskeyParts } from './helpers.js'

/** Makes its rules ready once, because that takes longer than to check a page. */
class Rules extends StaticConfigLoader {
  #ready: ResolvedConfig | Promise<ResolvedConfig> | undefined

  override getConfigFor(name: string): ResolvedConfig | Promise<ResolvedConfig> {
    this.#ready ??= super.getConfigFor(name)
    return this.#ready
  }
}

// The standard itself spells it in lower case.
const EVERYWHERE: ConfigData['rules'] = { 'doctype-style': 'off' }
const PAGE: ConfigData['rules'] = {
  ...EVERYWHERE,
  // Our scripts come from our own origin.
  'require-sri': 'off',
  // The line above the signature of a text email is two hyphens and a space (RFC 3676).
  'no-trailing-whitespace': 'off',
}
const FRAGMENT = ['html-validate:recommended']
const DOCUMENT = [...FRAGMENT, 'html-validate:document']

const validators = {
  page: new HtmlValidate(new Rules({ extends: DOCUMENT, rules: PAGE })),
  fragment: new HtmlValidate(new Rules({ extends: FRAGMENT, rules: PAGE })),
  email: new HtmlValidate(new Rules({ extends: DOCUMENT, rules: { ...EVERYWHERE, 'long-title': 'off' } })),
}

/** Checks HTML against the standard. `what` says what it is. */
export async function assertValid(
  html: string,
  what: string,
  kind: keyof typeof validators = 'page',
): Promise<void> {
  const { results } = await validators[kind].validateString(withPasskeyParts(html))
  const complaints = results.flatMap(({ messages }) =>
    messages.map(({ line, message }) => `${line}: ${message}`),
  )
  assert.equal(complaints, [], `${what}\n${html}`)
}
