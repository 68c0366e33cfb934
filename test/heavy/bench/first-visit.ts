import { get, type IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { brotliDecompressSync } from 'node:zlib'
import * as cheerio from 'cheerio'
import type { Cost } from './processes.js'
import { seededFile, startSite, temporaryFolder } from './stage.js'

const MOST_BYTES = 20_000
const MOST_REQUESTS = 4
const PATH = '/login/'

/** Loads a page like a first-time visitor whose browser accepts all encodings that are common over https. */
export async function measureFirstVisit(): Promise<Cost[]> {
  const folder = temporaryFolder()
  const site = await startSite(folder, `sqlite:${await seededFile(folder, { users: 1, sessions: 1 })}`)
  try {
    const page = await load(site.address + PATH)
    const $ = cheerio.load(page.text)
    const paths = $('link[href][rel~=icon], link[href][rel~=stylesheet], script[src], img[src]')
      .toArray()
      .map(({ attribs }) => attribs.href ?? attribs.src ?? '')
    if ($('main form').length !== 1 || paths.length === 0) throw new Error(`That is no page:\n${page.text}`)
    const all = [page, ...(await Promise.all(paths.map((path) => load(site.address + path))))]
    const bytes = all.reduce((sum, one) => sum + one.bytes, 0)
    return [
      row(`first visit to ${PATH}`, 'KB', bytes / 1000, MOST_BYTES / 1000),
      row(`first visit to ${PATH}`, 'requests', all.length, MOST_REQUESTS),
    ]
  } finally {
    await site.stop()
  }
}

function row(name: string, unit: Cost['unit'], site: number, floor: number): Cost {
  return { name, unit, against: 'the most', site, floor, ratio: site / floor, most: 1 }
}

/** Returns a response with all its bytes on the wire, including headers. */
async function load(url: string): Promise<{ text: string; bytes: number }> {
  const headers = { 'Accept-Encoding': 'gzip, deflate, br, zstd' }
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { headers, agent: false }, resolve).on('error', reject)
  })
  const { socket } = response
  const body = await buffer(response)
  if (response.statusCode !== 200 || body.length === 0) throw new Error(`${url} was ${response.statusCode}.`)
  const isCompressed = response.headers['content-encoding'] === 'br'
  return { text: `${isCompressed ? brotliDecompressSync(body) : body}`, bytes: socket.bytesRead }
}
