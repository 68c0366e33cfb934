import type { Site, Visitor } from './helpers.js'
import { type SecondStep, settled, turnOn } from './second-step.js'

export interface Admin extends SecondStep {
  visitor: Visitor
  id: string
}

/** A user with the role admin and two-step verification, whose login is recent. */
export async function adminOf(site: Site, name: string, options: { htmx?: boolean } = {}): Promise<Admin> {
  const visitor = await settled(site, name, options)
  const second = await turnOn(site, visitor)
  await site.write(`update users set roles = 'admin' where name = '${name}'`)
  const [{ id } = { id: '' }] = await site.rows<{ id: string }>('select id from users where name = ?', name)
  return { visitor, id, ...second }
}
