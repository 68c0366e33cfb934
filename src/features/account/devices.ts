import type Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import type { Device } from '../../accounts/devices.js'
import { listDevices, nameInActivity } from '../../accounts/devices.js'
import { endOtherSessions } from '../../accounts/ending-sessions.js'
import * as fields from '../../accounts/fields.js'
import { withEvent } from '../../accounts/history.js'
import { newDeviceId } from '../../secrets/token.js'
import * as sessions from '../../tables/sessions.js'
import * as users from '../../tables/users.js'
import type { FeatureLink } from '../../visitor/feature.js'
import { type Gatehouse, gatehouseOf } from '../../visitor/gatehouse.js'
import { requireRecentLogin, requireUser } from '../../visitor/guards.js'
import { knownDevices, stayKnown } from '../../visitor/known-devices.js'
import { loginOf } from '../../visitor/logins.js'
import { originOf } from '../../visitor/origin.js'
import { endDevice, LOGGED_OUT, logOut } from '../../visitor/session.js'
import type { FieldError, Form, Message, Values } from '../../web/form.js'
import { onSubmit, type Sent } from '../../web/submit.js'

export const name = 'account/devices'
export const links: readonly FeatureLink[] = [
  {
    on: 'account',
    group: 'security',
    order: 40,
    title: { code: 'account_devices_link', sentence: 'Devices' },
    hint: { code: 'account_devices_link_hint', sentence: 'Where you are logged in' },
  },
]

const revoking: Form<never> = { name, fields: [], secret: [], oneButton: true, around }
/** `device` is the row in which the name was typed. */
const naming: Form<'name' | 'device'> = { name, fields: ['name', 'device'], secret: [], around }

export const DEVICE_REVOKED = { code: 'device_revoked', sentence: 'The device is now logged out.' }
const DEVICE_GONE = { code: 'device_gone', sentence: 'This device was already logged out.' }
const NOT_NAMED = {
  code: 'device_gone_not_named',
  sentence: 'This device was already logged out. Its name was not saved.',
}
const DEVICE_NAMED = { code: 'device_named', sentence: 'The device is now called {name}.' }
const NAME_REMOVED = { code: 'device_name_removed', sentence: 'The name of the device has been removed.' }
const OTHERS_REVOKED = {
  code: 'devices_revoked',
  sentence: 'All other devices are now logged out ({count}).',
}
const NO_OTHERS = { code: 'devices_none', sentence: 'No other devices are logged in.' }

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/account/devices/', requireUser, (ctx) => gatehouse.pages.form(ctx, naming))

  const toList = (ctx: Context) => gatehouse.pages.leave(ctx, gatehouse.url(name))
  router.get('/account/devices/revoke/', toList)
  router.get('/account/devices/:id/revoke/', toList)
  router.get('/account/devices/:id/name/', toList)

  router.post(
    '/account/devices/revoke/',
    requireRecentLogin,
    onSubmit(revoking, gatehouse, async (ctx, values) => {
      const count = await revokeOthers(ctx, gatehouse)
      const message = count > 0 ? { ...OTHERS_REVOKED, params: { count } } : NO_OTHERS
      await stay(ctx, gatehouse, message, { ...values, focus: loginOf(ctx).session.id })
    }),
  )

  router.post(
    '/account/devices/:id/revoke/',
    requireUser,
    unlessThis,
    onSubmit(revoking, gatehouse, (ctx, values) => revokeChosen(ctx, gatehouse, values)),
  )

  router.post(
    '/account/devices/:id/name/',
    requireUser,
    onSubmit(naming, gatehouse, (ctx, values) => nameChosen(ctx, gatehouse, values)),
  )
}

async function revokeChosen(ctx: Context, gatehouse: Gatehouse, values: Sent<never>): Promise<void> {
  const devices = await devicesOf(ctx)
  const device = chosen(ctx, devices)
  if (device?.isThis) {
    await logOut(ctx, gatehouse, { forget: true })
    return gatehouse.pages.leave(ctx, gatehouse.places.afterLogout, { message: LOGGED_OUT })
  }
  const isRevoked = device !== undefined && (await revoke(ctx, gatehouse, device))
  const message = isRevoked ? DEVICE_REVOKED : DEVICE_GONE
  await stay(ctx, gatehouse, message, { ...values, focus: neighbor(devices, device)?.id })
}

async function nameChosen(
  ctx: Context,
  gatehouse: Gatehouse,
  values: Sent<'name' | 'device'>,
): Promise<void> {
  const named = fields.normalizeDeviceName(values.name)
  const errors = await nameDevice(ctx, gatehouse, named)
  if (errors.length > 0) {
    return await gatehouse.pages.refuse(ctx, naming, {
      errors,
      values: { ...values, focus: focusAfter(ctx, errors) },
    })
  }
  const message = named === '' ? NAME_REMOVED : { ...DEVICE_NAMED, params: { name: named } }
  await stay(ctx, gatehouse, message, values)
}

// Logging out this device needs no password.
const unlessThis: Middleware = (ctx, next) =>
  ctx.params.id === loginOf(ctx).session.id ? next() : requireRecentLogin(ctx, next)

// The row with the focus is gone. The row of this device is always there.
function focusAfter(ctx: Context, errors: readonly FieldError[]): string {
  return errors.includes(NOT_NAMED) ? loginOf(ctx).session.id : ''
}

function stay(ctx: Context, gatehouse: Gatehouse, message: Message, values: Partial<Values>): Promise<void> {
  return gatehouse.pages.accept(ctx, revoking, { notice: { message }, to: gatehouse.url(name), values })
}

async function around(ctx: Context): Promise<{ devices: Device[] }> {
  return { devices: await devicesOf(ctx) }
}

function devicesOf(ctx: Context): Promise<Device[]> {
  const { session, user } = loginOf(ctx)
  return listDevices(gatehouseOf(ctx), { userId: user.id, sessionId: session.id })
}

function chosen(ctx: Context, devices: readonly Device[]): Device | undefined {
  return devices.find(({ id }) => id === ctx.params.id)
}

function neighbor(devices: readonly Device[], device: Device | undefined): Device | undefined {
  const index = device === undefined ? -1 : devices.indexOf(device)
  return devices[index + 1] ?? devices[index - 1]
}

async function revoke(ctx: Context, gatehouse: Gatehouse, device: Device): Promise<boolean> {
  const { user } = loginOf(ctx)
  const newEvent = { kind: 'device_revoked', userId: user.id, about: nameInActivity(device) } as const
  const isRevoked = await withEvent(originOf(ctx, gatehouse), gatehouse, newEvent, (transaction) =>
    endDevice(transaction, { id: device.id, userId: user.id }),
  )
  if (isRevoked) await replaceDeviceId(ctx, gatehouse)
  return isRevoked ?? false
}

// The ended session had the device id of this browser: it was an earlier session of it, or had a copy of its device cookie.
async function replaceDeviceId(ctx: Context, gatehouse: Gatehouse): Promise<void> {
  const { main } = gatehouse.database
  const { session, user } = loginOf(ctx)
  const account = await users.byId(main, user.id)
  if (account === undefined || knownDevices(ctx, gatehouse)(account) !== undefined) return
  const device = newDeviceId()
  await sessions.setDevice(main, { id: session.id, userId: user.id }, device)
  stayKnown(ctx, gatehouse, { stamp: account.deviceStamp, device })
}

async function revokeOthers(ctx: Context, gatehouse: Gatehouse): Promise<number> {
  const { session, user } = loginOf(ctx)
  const owned = { id: session.id, userId: user.id }
  const ended = await endOtherSessions(originOf(ctx, gatehouse), gatehouse, owned)
  if (ended === undefined) return 0
  stayKnown(ctx, gatehouse, { stamp: ended.stamp })
  return ended.sessions
}

async function nameDevice(ctx: Context, gatehouse: Gatehouse, named: string): Promise<FieldError[]> {
  const device = chosen(ctx, await devicesOf(ctx))
  if (device === undefined) return [NOT_NAMED]
  const errors = fields.check(fields.deviceName, named)
  if (errors.length > 0) return errors.map((error) => ({ ...error, field: `name-${device.id}` }))
  if (device.name === (named || null)) return []
  return (await rename(ctx, gatehouse, device, named)) ? [] : [NOT_NAMED]
}

async function rename(ctx: Context, gatehouse: Gatehouse, device: Device, named: string): Promise<boolean> {
  const owned = { id: device.id, userId: loginOf(ctx).user.id }
  const about = named || nameInActivity(device)
  const newEvent = { kind: 'device_named', userId: owned.userId, about } as const
  const isNamed = await withEvent(
    originOf(ctx, gatehouse),
    gatehouse,
    newEvent,
    async (transaction) => (await sessions.rename(transaction, owned, named || null)) || undefined,
  )
  return isNamed ?? false
}
