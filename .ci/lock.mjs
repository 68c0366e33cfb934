// Of several commands in one checkout one at a time installs or builds.
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/** In milliseconds. Who holds a lock touches it every second: one that was not touched for so long was left behind. */
const LEFT_AFTER = 30_000

/** Does `work` while nobody else holds the lock `file`. */
export async function locked(file, work) {
  mkdirSync(dirname(file), { recursive: true })
  for (let waits = 0; !take(file); waits++) {
    if (waits === 5) console.log('Waiting for another command that installs or builds in this folder.')
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

// Moved first: of two that find it left behind, one moves it, and the other does not remove the lock that was taken since.
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

/** Says in a sentence that this user may not write into the checkout, and ends; throws any other error. */
export function giveUp(error) {
  if (!isForbidden(error)) throw error
  console.error(`${error.path} cannot be written: run npm as the user to whom this folder belongs.`)
  process.exit(1)
}
