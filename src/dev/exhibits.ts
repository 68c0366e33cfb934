import { buttonExhibits } from './button-exhibits.js'
import type { Exhibit, Setting } from './exhibit.js'
import { formExhibits } from './form-exhibits.js'
import { mailExhibits } from './mail-exhibits.js'
import { messageExhibits } from './message-exhibits.js'
import { pageExhibits } from './page-exhibits.js'

export function gallery(setting: Setting): Exhibit[] {
  return [formExhibits, buttonExhibits, pageExhibits, messageExhibits, mailExhibits].flatMap((exhibits) =>
    exhibits(setting),
  )
}
