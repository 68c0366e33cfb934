import { type Config, readConfig } from '../server/config.js'
import { readDotEnv } from '../server/dot-env.js'
import { foldersIn } from '../views/templates.js'

let readApp: () => Promise<Config | undefined> = async () => undefined

/** Sets how to read the settings of an app that mounts Gatehouse. A parameter, because it imports what commands must not. */
export function setAppReader(read: typeof readApp): void {
  readApp = read
}

/** Returns the settings of the app, or else those of the environment and `.env`. Throws `ConfigError`. */
export async function readSettings(): Promise<Config> {
  const ofApp = await readApp()
  if (ofApp !== undefined) return ofApp
  readDotEnv()
  return readConfig(process.env)
}

export async function readTemplateFolders(): Promise<readonly string[]> {
  const ofApp = await readApp()
  if (ofApp !== undefined) return ofApp.templates
  readDotEnv()
  return foldersIn(process.env.TEMPLATES ?? '')
}
