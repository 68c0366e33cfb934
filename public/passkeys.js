// No HTML does WebAuthn. A button with `data-passkey` holds what its ceremony needs. Pressing it runs the ceremony, then
// presses it once more with the result as its value, so the form and htmx send it like any other. The server has the words.
let offered
let waiting
let isBusy = false
let isSending = false

const ceremony = async (button, more) => {
  const { create, get } = JSON.parse(button.dataset.passkey)
  const publicKey = create
    ? PublicKeyCredential.parseCreationOptionsFromJSON(create)
    : PublicKeyCredential.parseRequestOptionsFromJSON(get)
  const credential = await navigator.credentials[create ? 'create' : 'get']({ publicKey, ...more })
  return JSON.stringify(credential.toJSON())
}
const send = (button, value) => {
  button.value = value
  isSending = true
  button.click()
  isSending = false
}
// A second request fails while one waits for autofill, and until its end has come.
const stopWaiting = async () => {
  waiting?.stop.abort()
  await waiting?.end
}
const press = async (event) => {
  const button = event.target.closest?.('[data-passkey]')
  if (!button || isSending) return
  event.preventDefault()
  event.stopImmediatePropagation()
  if (isBusy) return
  isBusy = true
  await stopWaiting()
  send(button, await ceremony(button).catch(({ name }) => `error ${name}`))
  isBusy = false
}
const autofill = async () => {
  const button = document.querySelector('[data-passkey]')
  if (!button || isBusy || !document.querySelector('[autocomplete~=webauthn]')) return
  if (button.dataset.passkey === offered) return
  offered = button.dataset.passkey
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return
  const stop = new AbortController()
  const asked = ceremony(button, { mediation: 'conditional', signal: stop.signal })
  waiting = { stop, end: asked.then((value) => send(button, value)).catch(() => {}) }
}
const show = (part) => {
  const { parentElement } = part
  part.insertAdjacentHTML('afterend', part.textContent)
  part.remove()
  window.htmx?.process(parentElement)
}
const arm = async () => {
  for (const part of document.querySelectorAll('script[data-passkey-part]')) show(part)
  for (const part of document.querySelectorAll('[data-passkey-else]')) part.hidden = true
  for (const { dataset } of document.querySelectorAll('[data-signal]'))
    for (const [name, facts] of JSON.parse(dataset.signal)) PublicKeyCredential[name]?.(facts).catch(() => {})
  await stopWaiting()
  await autofill()
}
if (window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
  addEventListener('click', press, true)
  addEventListener('htmx:after:swap', arm)
  arm()
}
