import Koa, { type Context } from 'koa'
import nunjucks from 'nunjucks'
import supertest from 'supertest'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { contentFor } from '../../src/accounts/mail-content.js'
import { assemble } from '../../src/assemble.js'
import type { EmailExhibit, PageExhibit } from '../../src/dev/exhibit.js'
import { gallery } from '../../src/dev/exhibits.js'
import { sampled } from '../../src/dev/sample.js'
import { createLog } from '../../src/index.js'
import { createViews, type Views } from '../../src/views/views.js'
import { type Gatehouse, setGatehouse } from '../../src/visitor/gatehouse.js'
import { migratedDatabase } from '../support/databases.js'
import { PSEUDO, pseudoFolder } from '../support/pseudo.js'

const test = suite('the renderer')

/** How often Nunjucks itself has rendered something. */
let plain = 0
const { prototype } = nunjucks.Environment
const { render } = prototype
Reflect.set(prototype, 'render', function (this: unknown, ...args: unknown[]) {
  plain++
  return Reflect.apply(render, this, args)
})
test.after(() => void Reflect.set(prototype, 'render', render))

/** Renders it with our compiler, and with Nunjucks: a page that sets a constant's name is left to Nunjucks. */
function sameBothWays(show: (values: object) => string, constant: object): string {
  const before = plain
  const text = show({})
  assert.is(plain, before, `Nunjucks had to help with\n${text}`)
  const slow = show(constant)
  assert.ok(plain > before)
  assert.is(text, slow)
  return text
}

test('renders every page, fragment and email of the gallery as Nunjucks does, in every language', async () => {
  const log = createLog('silent')
  const { gatehouse } = await assemble({
    database: await migratedDatabase(),
    keys: ['A'.repeat(43)],
    templates: [pseudoFolder()],
    mail: { send: async () => {} },
    baseUrl: 'https://accounts.example',
    log,
    now: () => Date.UTC(2026, 0, 2),
  })
  const textsIn = (ctx: Context) => {
    setGatehouse(ctx, gatehouse)
    return gallery({ ...gatehouse, now: gatehouse.now() }).map((exhibit) =>
      sameBothWays(
        (more) =>
          'sample' in exhibit ? shown(ctx, gatehouse, exhibit, more) : sent(ctx, gatehouse, exhibit, more),
        { url: gatehouse.url },
      ),
    )
  }
  const app = new Koa()
  app.silent = true
  app.use((ctx) => {
    ctx.body = { language: gatehouse.languageOf(ctx), texts: textsIn(ctx) }
  })
  const all = new Set<string>()
  for (const tag of ['en', 'de', 'es', 'fr', 'ru', PSEUDO]) {
    const { body, status, text } = await supertest(app.callback()).get('/').query({ lang: tag })
    assert.is(status, 200, text)
    assert.is(body.language, tag)
    for (const one of body.texts) all.add(one)
  }
  assert.ok(all.size > 2_000, `${all.size} texts`)
  await gatehouse.database.close()
})

function shown(ctx: Context, gatehouse: Gatehouse, { sample }: PageExhibit, more: object): string {
  const page = sampled(ctx, gatehouse, { ...sample, around: { ...sample.around, ...more } })
  return page.replaceAll(/(?<=name="_once" value=")[\w-]+/g, '')
}

function sent(ctx: Context, gatehouse: Gatehouse, { letter, as }: EmailExhibit, more: object): string {
  const { kind, values } = contentFor(gatehouse, letter)
  const template = `mail/${kind}.${as === 'html' ? 'html' : 'txt'}`
  const link = 'https://accounts.example/link/'
  return gatehouse.render(gatehouse.languageOf(ctx), template, {
    ...values,
    link,
    subject: 'Subject',
    ...more,
  })
}

const LAYOUT = `<title>{{ title }}</title>{% block head %}<meta>{% endblock %}
{% include "header.html" %}
{% set after = "set in the layout" %}
{% block content %}nothing{% endblock %}
<p>{{ after }} {{ leaked }} {{ name }}</p>`

/** Each `page.html` is rendered with the values below, and shows that text, if it is given. */
const CASES: Record<string, { files: Record<string, string>; shows?: string | RegExp }> = {
  'blocks, super() and what is set before and in them': {
    files: {
      'layout.html': LAYOUT,
      'header.html': '<header>{{ _("Home") }} {{ title }}</header>',
      'page.html': `{% extends "layout.html" %}{% set title = "A & B" %}{% set leaked = "no" %}
{% block head %}{% set after = "in the block" %}{{ super() }}{{ super() }}{{ after }}{% endblock %}
{% block content %}{{ name }}{% block inner %}({{ title }}){% endblock %}{% endblock %}`,
    },
    shows: /<title>A &amp; B<\/title><meta><meta>in the block[\s\S]*set in the layout no &lt;Zoë&gt;/,
  },
  'three storeys of blocks': {
    files: {
      'layout.html': '[{% block content %}1{% endblock %}|{% block other %}o{% endblock %}]',
      'between.html': '{% extends "layout.html" %}{% block content %}{{ super() }}2{% endblock %}',
      'page.html': '{% extends "between.html" %}{% block content %}{{ super() }}3{% endblock %}',
    },
    shows: '[123|o]',
  },
  'an include sees what is around it, and its own settings stay in it': {
    files: {
      'part.html': '{{ x }}{{ one }}{{ loop.index }}{% set x = "inner" %}{{ x }}{% include "nested.html" %};',
      'nested.html': '<{{ x }}>',
      'page.html':
        '{% set x = "outer" %}{% for one in list %}{% set x = one %}{% include "part.html" %}{{ x }}{% endfor %}{{ x }}',
    },
  },
  'a loop without and with its counters, over lists, objects and nothing': {
    files: {
      'page.html': `{% for one in list %}{{ loop.index }}/{{ loop.length }}{% if loop.first %}first{% endif %}{% if not loop.last %}, {% endif %}{% endfor %}
{% for one in list %}{% for two in list %}{{ loop.revindex }}{{ two }}{% endfor %}{{ loop.index0 }}{% endfor %}
{% for one in list %}{{ one }}{% endfor %}{% for key, value in object %}{{ key }}={{ value }}{{ loop.last }}{% endfor %}
{% for one in none %}{{ one }}{% else %}none{% endfor %}{% for a, b in pairs %}{{ a }}{{ b }}{% endfor %}`,
    },
  },
  'macros: defaults, callers, other macros, and what they do not see': {
    files: {
      'macros.html': `{% macro box(title, kind="plain", more="") %}<{{ kind }}>{{ title }}{{ more }}{{ caller() if caller }}</{{ kind }}>{% endmacro %}
{% macro twice(text) %}{% call box(text, kind="b") %}{{ text }}{% endcall %}{{ box(text) }}{% endmacro %}
{% macro blind() %}{{ x or "blind" }}{% endmacro %}`,
      'seeing.html':
        '{% macro sees() %}{{ x }}{{ later or "not later" }}{% include "part.html" %}{% endmacro %}',
      'part.html': '[{{ x }}]',
      'page.html': `{% set x = "<x>" %}{% from "macros.html" import box, twice as again, blind %}
{% from "seeing.html" import sees with context %}{% import "macros.html" as all %}{% set later = "later" %}
{{ box("a", more="!") }}{% call box("b") %}{{ x }}{% for one in list %}{{ one }}{% endfor %}{% endcall %}
{{ again("c") }}{{ blind() }}{{ sees() }}{{ all.box("d", "i") }}`,
    },
    shows: /blind&lt;x&gt;not later\[&lt;x&gt;\]/,
  },
  'an imported file that sets something by the page': {
    files: {
      'settings.html': '{% set answer = name %}{% set fixed = 42 %}{% macro m() %}{{ fixed }}{% endmacro %}',
      'page.html':
        '{% from "settings.html" import answer with context %}{% from "settings.html" import fixed, m %}{{ answer }}{{ fixed }}{{ m() }}',
    },
    shows: '&lt;Zoë&gt;4242',
  },
  'escaping: safe, a captured text, calls, filters and constants': {
    files: {
      'page.html': `{{ name }}{{ name | safe }}{% set captured %}<i>{{ name }}</i>{% endset %}{{ captured }}{{ captured | safe }}
{{ _("<Log> in") }}{{ _("Hello, {name}", { name: name }) }}<a href="{{ url('a&b') }}">{{ _("Home") | upper }}{{ asset("x.css") | replace(".", "-") }}
{{ "<literal>" }}{{ [1, 2] | join("<") }}{{ name | escape }}{{ list | length }}{% filter upper %}<b>{{ name }}</b>{% endfilter %}{% raw %}{{ raw }}{% endraw %}`,
    },
  },
  'members by name, quoted, computed and counted, of nothing, of texts, and methods': {
    files: {
      'page.html': `{{ object.k }}{{ object["l"] }}{{ object['a"b'] }}{{ object[letter] or "-" }}{{ pairs[1][0] }}{{ name.length }}
{{ none.deeper.still or "-" }}{{ nothing.at or "-" }}{{ list.slice(1).join("+") }}{{ name.toUpperCase() }}`,
    },
    shows: /1&lt;quoted-35[\s\S]*--q\+r&lt;ZOË&gt;/,
  },
  'computed and optional includes, and conditions': {
    files: {
      'kind/a.html': 'A{{ letter }}',
      'page.html': `{% include "kind/" + letter + ".html" %}{% include "kind/b.html" ignore missing %}
{% if letter == "a" %}{% include "kind/a.html" %}{% elif letter %}no{% else %}no{% endif %}{{ "yes" if letter in ["a"] else "no" }}
{% switch letter %}{% case "b" %}b{% case "a" %}a{% default %}d{% endswitch %}{{ 7 // 2 }}{{ 2 ** 3 }}{{ letter is string }}`,
    },
  },
}

const VALUES = {
  name: '<Zoë>',
  list: ['p', 'q', 'r'],
  object: { k: 1, l: '<', 'a"b': 'quoted' },
  nothing: null,
  pairs: [
    [1, 2],
    [3, 4],
  ],
  letter: 'a',
}

const GLOBALS = {
  _: (text: string, params?: { name: string }) => `${text.replace('{name}', params?.name ?? '')}'`,
  url: (name: string) => `/${name}/`,
  asset: (name: string) => `/assets/${name}`,
}

function viewsOf(texts: Record<string, string>): Views {
  const files = Object.entries(texts).map(
    ([name, text]) => [name, { path: name, text, isOurs: false }] as const,
  )
  return createViews({ folders: [], files: new Map(files), globals: GLOBALS })
}

for (const [name, { files, shows = '' }] of Object.entries(CASES)) {
  test(`renders as Nunjucks does: ${name}`, () => {
    const views = viewsOf(files)
    const show = (more: object) => views.render('page.html', { ...VALUES, ...more })
    assert.match(sameBothWays(show, { url: GLOBALS.url }), shows)
    assert.match(sameBothWays(show, { url: GLOBALS.url }), shows)
  })
}

test('a macro or a variable with the name of a constant is used, from the next part on', () => {
  for (const page of [
    '{% macro url(name) %}mine {{ name }}{% endmacro %}{{ url("a") }}{% include "part.html" %}',
    '{% from "own.html" import url %}{{ url("a") }}{% include "part.html" %}',
    '{% for url in [other] %}{{ url("a") }}{% include "part.html" %}{% endfor %}',
    '{% set url = other %}{{ url("a") }}{% include "part.html" %}',
  ]) {
    const views = viewsOf({
      'page.html': page,
      'part.html': '{{ url("b") }}',
      'own.html': '{% macro url(name) %}mine {{ name }}{% endmacro %}',
    })
    const values = { other: (name: string) => `mine ${name}` }
    assert.is(views.render('part.html', {}), '/b/')
    for (const _ of [1, 2]) assert.is(views.render('page.html', values), 'mine amine b', page)
    assert.is(views.render('part.html', {}), '/b/')
  }
})

test('one page never shows the values of another, even after an error', () => {
  const views = viewsOf({
    'macros.html': '{% macro m(text) %}{{ text.value }}{{ caller() }}{% endmacro %}',
    'page.html':
      '{% from "macros.html" import m %}{% set own = name %}{% call m({ value: own }) %}{{ broken.value }}{{ own }}{% endcall %}',
  })
  assert.throws(() => views.render('page.html', { name: 'first' }), 'undefined value')
  assert.is(views.render('page.html', { name: 'second', broken: { value: '' } }), 'secondsecond')
  assert.throws(() => views.render('page.html', { broken: { value: '' } }), 'undefined value')
})

test('errors name file and line', () => {
  const views = viewsOf({
    'page.html': 'one\n{% include "part.html" %}',
    'part.html': 'one\ntwo\n{{ nobody.knows }}',
  })
  assert.throws(
    () => views.render('page.html', {}),
    /\(page\.html\)[\s\S]*\(part\.html\) \[Line 3, Column 1\]/,
  )
  assert.throws(() => views.render('nothing.html', {}), 'template not found: nothing.html')
})

test.run()
