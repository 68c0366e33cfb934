import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { erlangWait, type Model, simulate, type Visit } from './scaling/simulation.js'

const test = suite('the simulation of many logins')

function model(changes: { perSecond: number; servers: number; room?: number; spread?: 'none' }): Model {
  const { perSecond, spread = 'exponential', ...station } = changes
  const visits: Visit[] = [{ station: 'hash', seconds: 0.05, spread }]
  return {
    stations: { hash: station },
    flows: [{ name: 'login', perSecond, visits }],
    seconds: 5_000,
    seed: 1,
  }
}

for (const [servers, perSecond] of [
  [1, 14],
  [2, 34],
  [16, 290],
] as const) {
  test(`waits agree with Erlang’s formula for ${servers} cores`, () => {
    const { waited, busy } = simulate(model({ servers, perSecond })).stations.hash ?? { waited: 0, busy: 0 }
    const expected = erlangWait(perSecond, 0.05, servers)
    assert.ok(Math.abs(waited / expected - 1) < 0.1, `${waited} for ${expected}`)
    assert.ok(Math.abs(busy - (perSecond * 0.05) / servers) < 0.01)
  })
}

test('waits are half as long for equal service times (Pollaczek–Khinchine)', () => {
  const { waited } = simulate(model({ servers: 1, perSecond: 14, spread: 'none' })).stations.hash ?? {
    waited: 0,
  }
  assert.ok(Math.abs(waited / (erlangWait(14, 0.05, 1) / 2) - 1) < 0.1, `${waited}`)
})

test('when the queue is full, exactly the excess is refused', () => {
  const { login } = simulate(model({ servers: 2, perSecond: 80, room: 256 })).flows
  const part = (login?.refused ?? 0) / ((login?.refused ?? 0) + (login?.done ?? 0))
  assert.ok(Math.abs(part - 0.5) < 0.02, `${part} of twice as many as can be served`)
})

test('the same seed gives the same result', () => {
  const once = model({ servers: 2, perSecond: 34 })
  assert.equal(simulate(once), simulate(once))
  assert.not.equal(simulate(once), simulate({ ...once, seed: 2 }))
})

test.run()
