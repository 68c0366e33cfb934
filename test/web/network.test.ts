import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { networkOf, normalAddress } from '../../src/web/network.js'
import { PASSWORD, Site } from '../support/helpers.js'

const test = suite('network')

const NETWORKS: [address: string, network: string][] = [
  ['203.0.113.7', '203.0.113.7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['::ffff:cb00:7107', '203.0.113.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:DB8:1:2::', '2001:db8:1:2::/64'],
  ['::1', '::/64'],
  ['nonsense', 'nonsense'],
  ['', ''],
]

for (const [address, network] of NETWORKS) {
  test(`${address} is in the network ${network}`, () => assert.is(networkOf(address), network))
}

test('an IP address is normalized, and anything else returns undefined', () => {
  assert.is(normalAddress('::ffff:127.0.0.1'), '127.0.0.1')
  assert.is(normalAddress('2001:DB8:0:0:0:0:0:1'), '2001:db8::1')
  assert.is(normalAddress('203.0.113.7:5555'), '203.0.113.7')
  assert.is(normalAddress('[2001:db8::1]:5555'), '2001:db8::1')
  for (const none of ['', 'unknown', 'a.b.c.d', '<script>', '1.2.3.4, 5.6.7.8', '_hidden']) {
    assert.is(normalAddress(none), undefined, none)
  }
})

async function addressSeen(site: Site, headers: Record<string, string>): Promise<string | undefined> {
  const visitor = site.visitor()
  visitor.agent.set(headers)
  await visitor.logIn('Paul')
  site.clock.advance(1)
  const rows = await site.rows<{ address: string }>(
    'select address from sessions order by created_at desc limit 1',
  )
  return rows[0]?.address
}

test('without a trusted proxy, forwarded headers are ignored with one warning', async () => {
  const site = await Site.start()
  await site.visitor().signUp('Paul')
  for (const headers of [{ 'X-Forwarded-For': '203.0.113.7' }, { Forwarded: 'for=203.0.113.7' }]) {
    assert.is(await addressSeen(site, headers), '127.0.0.1')
  }
  const warnings = site.logs.filter((line) => line.includes('ignored proxy header: no proxy is trusted'))
  assert.is(warnings.length, 1)
  assert.not.match(site.logs.join(''), '203.0.113.7')
  await site.close()
})

const CHAINS: [hops: string, forwarded: string, seen: string][] = [
  ['1', '203.0.113.7', '203.0.113.7'],
  ['1', '6.6.6.6, 203.0.113.7', '203.0.113.7'],
  ['2', '6.6.6.6, 203.0.113.7, 10.0.0.1', '203.0.113.7'],
  ['2', '203.0.113.7', '203.0.113.7'],
  ['1', '6.6.6.6, nonsense', '127.0.0.1'],
  ['1', '', '127.0.0.1'],
]

for (const [hops, forwarded, seen] of CHAINS) {
  test(`TRUST_PROXY=${hops} reads "${forwarded}" from the right as ${seen}`, async () => {
    const site = await Site.start({ environment: { TRUST_PROXY: hops } })
    await site.visitor().signUp('Paul', { password: PASSWORD })
    assert.is(await addressSeen(site, { 'X-Forwarded-For': forwarded }), seen)
    assert.not.match(site.logs.join(''), 'was ignored')
    await site.close()
  })
}

test.run()
