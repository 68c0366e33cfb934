export interface Qr {
  /** Modules on a side, with a quiet zone of four on each (ISO/IEC 18004). */
  size: number
  path: string
}

export async function qrOf(text: string): Promise<Qr> {
  const { encode } = await import('uqr')
  // Any mask can be read. Choosing the best of eight would take most of the time.
  const { size, data } = encode(text, { ecc: 'M', border: 4, maskPattern: 3 })
  return { size, path: data.map(runsOf).join('') }
}

function runsOf(row: readonly boolean[], y: number): string {
  const text = row.map((isBlack) => (isBlack ? '#' : ' ')).join('')
  return [...text.matchAll(/#+/g)]
    .map(({ index, 0: run }) => `M${index} ${y}h${run.length}v1H${index}z`)
    .join('')
}
