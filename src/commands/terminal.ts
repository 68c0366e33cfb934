import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'

// Control characters in other people's text must not control the terminal.
export function printable(text: string): string {
  return text.replaceAll(/\p{C}/gu, '�')
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = (head.length === 0 ? rows : [head, ...rows]).map((cells) => cells.map(printable))
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((cells) => lengthOf(cells[column] ?? ''))),
  )
  return lines
    .map((cells) =>
      cells
        .map((cell, column) => padded(cell, widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function padded(text: string, width: number): string {
  return text + ' '.repeat(width - lengthOf(text))
}

function lengthOf(text: string): number {
  return [...text].length
}

// Escapes control characters the JSON way, which makes the output safe in a terminal.
export function json(value: unknown, replacer?: (key: string, value: unknown) => unknown): string {
  return escaped(JSON.stringify(value, replacer, 2))
}

export function jsonLine(value: unknown): string {
  return `${escaped(JSON.stringify(value))}\n`
}

function escaped(text: string): string {
  return text.replaceAll(/[^\P{C}\n]/gu, (character) =>
    character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  )
}

export async function print(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain')
}

export function isAttended(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true
}

export function ask(question: string): Promise<string> {
  return readLine(question, process.stderr)
}

function readLine(question: string, output: Writable): Promise<string> {
  const lines = createInterface({ input: process.stdin, output, terminal: true })
  return new Promise((resolve) => {
    lines.once('close', () => resolve(''))
    lines.question(question, (line) => {
      resolve(line)
      lines.close()
    })
  })
}

const MAX_BYTES = 4096

export async function readPassword(): Promise<string> {
  if (process.stdin.isTTY) return typedPassword()
  const bytes: Buffer[] = []
  let length = 0
  for await (const chunk of process.stdin) {
    length += chunk.length
    if (length > MAX_BYTES) throw new Error('The password on standard input is too long.')
    bytes.push(chunk)
  }
  const [password = '', ...others] = textOf(Buffer.concat(bytes)).split(/\r?\n/)
  if (others.some((line) => line !== '')) {
    throw new Error('The password on standard input must be one line.')
  }
  return password
}

function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Error('The password on standard input must be UTF-8.')
  }
}

async function typedPassword(): Promise<string> {
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() })
  // Prompts only when echo is off, because some people type ahead.
  const password = readLine('', unseen)
  process.stderr.write('Password: ')
  await password
  process.stderr.write('\n')
  return password
}
