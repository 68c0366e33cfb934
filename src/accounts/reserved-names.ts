import { latinLookOf, skeletonOf } from '../base/confusables.js'
import { fold } from '../base/fold.js'
import { once } from '../base/once.js'

// Names that look official or collide with a page (RFC 2142 for mailboxes).
const RESERVED =
  `abuse account accounts admin administrator api assets billing contact dev email gatehouse guest healthz help
  home hostmaster info log-in log-out login logout mail me members metrics moderator news noreply no-reply nobody null official
  password postmaster privacy public readyz register reset root security settings sign-in sign-out sign-up signin
  signout signup site staff static support system team undefined user users verify webmaster well-known www`.split(
    /\s+/,
  )

const WORDS = new Set(RESERVED)

// Real names, such as Horne, look like these two.
const IMITATED = RESERVED.filter((word) => word !== 'home' && word !== 'me')

const skeletons = once(() => new Set(IMITATED.flatMap((word) => spellingsOf(word).map(plainSkeletonOf))))
const lowSkeletons = once(() => new Set(IMITATED.map(lowSkeletonOf)))

// Also look-alikes: `ѕupport`, `ᴀdmin`, `supp0rt`, `adm1n`.
export function isReserved(name: string, slug: string): boolean {
  if (WORDS.has(slug)) return true
  if (skeletons().has(plainSkeletonOf(name))) return true
  const folded = fold(name)
  return [folded, folded.replaceAll('1', 'i')].some((one) => lowSkeletons().has(lowSkeletonOf(one)))
}

function spellingsOf(word: string): string[] {
  return [word, word.toUpperCase(), word.replace(/^./, (first) => first.toUpperCase())]
}

function plainSkeletonOf(text: string): string {
  const plain = skeletonOf(text)
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[ ._-]+/g, '-')
  return plain.replaceAll(/^-|-$/g, '')
}

function lowSkeletonOf(folded: string): string {
  return plainSkeletonOf(folded).toLowerCase()
}

export function imitatedKeyOf(nameKey: string): string {
  const look = fold(latinLookOf(nameKey))
  return /^[a-z0-9 ._-]+$/.test(look) ? look : nameKey
}
