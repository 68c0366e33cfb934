import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../../src/base/package.js'
import type { Translation } from '../../src/views/translator.js'
import { countSentences, englishInUse, messagesInUse } from '../support/english.js'

const test = suite('texts of pages and emails')
const FOLDER = join(root, 'templates', 'languages')
const KINDS = ['texts', 'messages'] as const

type File = Record<(typeof KINDS)[number], Record<string, Translation>>

function fileOf(tag: string): File {
  return JSON.parse(readFileSync(join(FOLDER, `${tag}.json`), 'utf8'))
}

const TAGS = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.json') && name !== 'en.json')
  .map((name) => name.slice(0, -'.json'.length))

test('en.json lists the texts of templates and rules, and nothing else', () => {
  const file = join(FOLDER, 'en.json')
  const written = `${JSON.stringify({ name: 'English', direction: 'ltr', ...englishInUse() }, null, 2)}\n`
  if (process.env.LANGUAGE_FILE) writeFileSync(file, written)
  assert.is(readFileSync(file, 'utf8'), written, 'run npm run languages')
})

test('every message has its own code', () => {
  const messages = messagesInUse()
  assert.is(messages.length, countSentences())
  const sentences = new Map(messages.map(({ code, sentence }) => [code, sentence]))
  assert.equal(
    messages.filter(({ code, sentence }) => sentences.get(code) !== sentence),
    [],
  )
})

// ── every language ───────────────────────────────────────────────────────────────────────────────────────────────────

test('Russian, German, French and Spanish are built in', () => {
  for (const tag of ['ru', 'de', 'fr', 'es']) assert.ok(TAGS.includes(tag), tag)
})

for (const tag of TAGS) {
  test(`${tag}: every text and message is translated, and there is nothing else`, () => {
    const [translated, english] = [fileOf(tag), fileOf('en')]
    for (const kind of KINDS) {
      assert.equal(Object.keys(translated[kind]).sort(), Object.keys(english[kind]).sort())
    }
  })

  test(`${tag}: placeholders agree with the English`, () => {
    const english = fileOf('en')
    const odd = KINDS.flatMap((kind) =>
      Object.entries(fileOf(tag)[kind]).filter(
        ([key, translation]) => !agree(translation, english[kind][key]),
      ),
    )
    assert.equal(odd, [])
  })
}

function agree(translation: Translation, english: Translation | undefined): boolean {
  const wanted = placeholdersIn(String(english))
  if (typeof translation === 'string') return placeholdersIn(translation).join() === wanted.join()
  const { by, ...forms } = translation
  // The form for one may spell the number out, or leave it out.
  const without = (names: string[]) => names.filter((name) => name !== by).join()
  return Object.values<string>(forms).every((form) => without(placeholdersIn(form)) === without(wanted))
}

function placeholdersIn(text: string): string[] {
  return [...new Set([...text.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name))].sort()
}

// ── the glossary ─────────────────────────────────────────────────────────────────────────────────────────────────────

const BANNED: readonly [RegExp, string][] = [
  [/e-mail/i, 'email'],
  [/\bmails?\b|\bmailed\b/i, 'email, emailed'],
  [/user name/i, 'username'],
  [/somebody|everybody/i, 'someone, everyone'],
  [/\bformer(?!\})|\bpresent(?!\})/i, 'previous or old, current'],
  [/\beras(?:e|ed|ing)\b/i, 'delete'],
  [/\bsign(?:ed)? (?:in|out)\b|\bregister/i, 'log in, log out, sign up'],
  [/\bplease\b|\bsorry\b|\boops\b|\b(?:in)?valid\b|\bvoid\b|!/i, 'nothing: leave it out'],
  [
    /\bgo on\b|\bneed do nothing\b|\bat once\b|\bby this link\b|\btake .*back\b/i,
    'the words of docs/words.md',
  ],
  [/2FA|two-factor|\bTOTP\b|backup code|\bWebAuthn\b/i, 'two-step verification, recovery code, passkey'],
  [/[a-z]['’](?:t|s|re|ve|ll|d)\b/i, 'the full form: no contractions or apostrophes'],
]

for (const [pattern, instead] of BANNED) {
  test(`no English text has ${pattern}: use ${instead}`, () => {
    const english = fileOf('en')
    const said = KINDS.flatMap((kind) => Object.values(english[kind]).map(String))
    assert.equal(
      said.filter((text) => pattern.test(text)),
      [],
    )
  })
}

const SUBJECTS = readdirSync(join(root, 'templates', 'mail'))
  .filter((name) => name.endsWith('.txt'))
  .flatMap(
    (name) =>
      /block subject %\}\{\{ _\("([^"]+)"/.exec(
        readFileSync(join(root, 'templates', 'mail', name), 'utf8'),
      )?.[1] ?? [],
  )

for (const tag of ['en', ...TAGS]) {
  test(`${tag}: the subject of every email has fewer than 60 characters`, () => {
    assert.ok(SUBJECTS.length >= 14, SUBJECTS.join())
    const { texts } = fileOf(tag)
    assert.equal(
      SUBJECTS.map((subject) => String(texts[subject]).replace('{site}', 'Gatehouse')).filter(
        (subject) => subject.length >= 60,
      ),
      [],
    )
  })
}

// ── forms of address and signs ───────────────────────────────────────────────────────────────────────────────────────

const FOREIGN_TO: Readonly<Record<string, readonly [RegExp, string][]>> = {
  de: [[/(?<!\p{L})(?:du|dich|dir|dein\p{L}*)(?!\p{L})/iu, 'Sie']],
  es: [[/(?<!\p{L})(?:tus?|te|ti|tuy[oa]s?|has|puedes|tienes|quieres)(?!\p{L})/iu, 'usted']],
  fr: [
    [/(?<!\p{L})(?:tu|toi|ton|ta|tes)(?!\p{L})/iu, 'vous'],
    [/(?<!\u202f)[;:!?»](?=\s|$)|«(?!\u202f)/u, 'narrow no-break spaces'],
  ],
  ru: [[/(?<!\p{L})(?:ты|тебя|тебе|твой|тво[яеёию]\p{L}*)(?!\p{L})/iu, 'вы']],
}

for (const [tag, rules] of Object.entries(FOREIGN_TO)) {
  for (const [pattern, instead] of rules) {
    test(`${tag}: no text has ${pattern}: use ${instead}`, () => {
      const file = fileOf(tag)
      const said = KINDS.flatMap((kind) => Object.values(file[kind]).flatMap(formsOf))
      assert.equal(
        said.filter((text) => pattern.test(text)),
        [],
      )
    })
  }
}

function formsOf(translation: Translation): string[] {
  if (typeof translation === 'string') return [translation]
  const { by: _, ...forms } = translation
  return Object.values(forms)
}

test.run()
