import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { root } from '../../src/base/package.js'
import { Program } from '../support/program.js'

const COPIED = [
  ...['.ci', 'db/migrations', 'docs', 'public', 'src', 'templates'],
  ...['.env.example', 'package.json', 'package-lock.json', 'tsconfig.json'],
]

/** Copies the project, with the tested build as `dist` and `gatehouse` on the PATH. */
export class Checkout {
  readonly folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))

  constructor() {
    for (const name of COPIED) cpSync(join(root, name), this.path(name), { recursive: true })
    const build = join(import.meta.dirname, '../..')
    for (const name of ['src', 'db'])
      cpSync(join(build, name), this.path(`dist/${name}`), { recursive: true })
    symlinkSync(join(root, 'node_modules'), this.path('node_modules'), 'junction')
    mkdirSync(this.path('bin'))
    writeFileSync(this.path('bin/gatehouse'), `#!/bin/sh\nexec node "${this.path('dist/src/cli.js')}" "$@"\n`)
    chmodSync(this.path('bin/gatehouse'), 0o755)
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  /** Starts a shell command in this folder. */
  shell(command: string, env: Record<string, string> = {}): Program {
    const call = `require('node:child_process').spawn('bash', ['--norc', '-c', ${JSON.stringify(command)}], { stdio: 'inherit' })
      .on('close', (code) => process.exit(code ?? 1))`
    const PATH = [this.path('bin'), dirname(process.execPath), process.env.PATH].join(':')
    return new Program(['--eval', call], { cwd: this.folder, env: { PATH, ...env }, detached: true })
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}
