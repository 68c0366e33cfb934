import type { Context } from 'koa'
import type { Logger } from 'pino'
import { added, linksOf } from './features/index.js'
import type { AccountsOptions } from './options.js'
import { cookieOptions, originOf, type Settings } from './settings.js'
import { inAscii } from './views/markup.js'
import { type AllSiteViews, createSiteViews } from './views/site-views.js'
import { noteOtherHtmx, noteUnusedTemplates } from './views/templates.js'
import type { Feature } from './visitor/feature.js'
import type { Assets } from './web/assets.js'
import { isFromElsewhere } from './web/csrf.js'
import { createLanguageChoice, type LanguageChoice } from './web/language.js'
import type { Url } from './web/routes.js'

export function noteTemplates({ templates = [], development }: AccountsOptions, log: Logger): void {
  if (development) noteUnusedTemplates(templates, log)
  noteOtherHtmx(templates, log)
}

interface ViewContext extends Settings {
  url: Url
  assets: Assets
  offers: (name: string) => boolean
  shown: readonly Feature[]
  now: () => number
}

export function viewsOf(options: AccountsOptions, site: ViewContext): AllSiteViews {
  const { templates, messages, languages, language, theme = 'auto' } = options
  const { themeColor, development = false } = options
  const { url, assets, offers, shown, places, siteName, rules, asksUsername, now } = site
  return createSiteViews({
    templates,
    messages,
    languages: typeof language === 'string' ? [language] : languages,
    isReloading: development,
    globals: {
      url,
      offers,
      links: linksOf(shown),
      added,
      asset: assets.path,
      places,
      // Email subjects contain it and must be one line.
      siteName: siteName.replaceAll(/\s+/g, ' ').trim(),
      theme,
      themeColor,
      passwordMinLength: rules.passwordMinLength,
      asksUsername,
      asksEmail: rules.emails === 'required',
    },
    now,
  })
}

export function languageChoiceOf(
  { all }: AllSiteViews,
  options: AccountsOptions,
  onChosen: (ctx: Context, tag: string) => void,
): LanguageChoice {
  const { language } = options
  const { name, ...where } = cookieOptions(options)
  return createLanguageChoice({
    offered: all.map(({ tag, name }) => ({ tag, name: inAscii(name) })),
    cookie: { name: `${name}-language`, ...where },
    decide: typeof language === 'function' ? language : undefined,
    isFromElsewhere: (ctx) => isFromElsewhere(ctx, originOf(options)),
    onChosen,
  })
}
