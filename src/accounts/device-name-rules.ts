import { hasStackedMarks, isInvisible, MAX_MARKS, trimBlank, withoutJoiners } from '../base/characters.js'
import { normalForm } from '../base/normal-form.js'

import { type Field, lengthOf } from './field.js'

const DEVICE_NAME_MAX = 40
const LINE_BREAK = /[\p{Zl}\p{Zp}]/u

export function normalizeDeviceName(name: string): string {
  return trimBlank(normalForm(name, 'NFC'))
}

// U+FE0F selects the colored form of an emoji, U+200D joins the parts of a family.
const EMOJI_JOINERS =
  /(?<=\p{Extended_Pictographic}\p{Emoji_Modifier}?)\uFE0F|(?<=\p{Extended_Pictographic}\uFE0F?\p{Emoji_Modifier}?)\u200D(?=\p{Extended_Pictographic})/gu

export const deviceName: Field = {
  long: {
    field: 'name',
    code: 'device_name_length',
    sentence: 'Name must be {max} characters or fewer.',
    params: { max: DEVICE_NAME_MAX },
    isBroken: (name) => lengthOf(name) > DEVICE_NAME_MAX,
  },
  rules: [
    {
      field: 'name',
      code: 'device_name_invisible',
      sentence: 'Name must not include invisible characters. Type it instead of pasting it.',
      isBroken: (name) =>
        isInvisible(withoutJoiners(name.replaceAll(EMOJI_JOINERS, ''))) || LINE_BREAK.test(name),
    },
    {
      field: 'name',
      code: 'device_name_marks',
      sentence: 'Name must have {max} accents or fewer on each letter.',
      params: { max: MAX_MARKS },
      isBroken: hasStackedMarks,
    },
  ],
}
