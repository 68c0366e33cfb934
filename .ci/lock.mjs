// Lets only one command at a time install or build in a checkout.
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

// Milliseconds. The holder touches the lock every second. After this long without it, the lock was left behind.
const LEFT_AFTER = 30_000

/** Runs `work` while no other process holds the lock `file`. */
export async function locked(file, work) {
  mkdirSync(dirname(file), { recursive: true })
  for (let waits = 0; !take(file); waits++) {
    if (waits === 5) console.log('Waiting for another command that is installing or building in this folder.')
    if (wasLeft(file)) remove(file)
    else await pause(200)
  }
  const touch = setInterval(() => utimesSync(file, new Date(), new Date()), 1_000)
  const leave = () => rmSync(file, { force: true })
  process.once('exit', leave)
  try {
    return await work()
  } finally {
    clearInterval(touch)
    process.off('exit', leave)
    leave()
  }
}

function take(file) {
  try {
    writeFileSync(file, `${process.pid} ${hostname()}`, { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
}

function wasLeft(file) {
  try {
    const [pid, host] = readFileSync(file, 'utf8').split(' ')
    if (host === hostname() && !isAlive(Number(pid))) return true
    return Date.now() - statSync(file).mtimeMs > LEFT_AFTER
  } catch (error) {
    if (error.code === 'ENOENT') return false
    throw error
  }
}

// Moves the lock first. If two processes find it left behind, the slower one must not remove a lock that was taken since.
function remove(file) {
  const aside = `${file}.${process.pid}`
  try {
    renameSync(file, aside)
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
    return
  }
  if (wasLeft(aside)) rmSync(aside, { force: true })
  else renameSync(aside, file)
}

export function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

export function isForbidden(error) {
  return ['EACCES', 'EROFS', 'EPERM'].includes(error.code)
}

/** Exits with a message if this user may not write to the checkout. Throws any other error. */
export function giveUp(error) {
  if (!isForbidden(error)) throw error
  console.error(`Cannot write ${error.path}. Run npm as the user who owns this folder.`)
  process.exit(1)
}
