// htmx has no attribute for a form that gets no response, or one that is not ours. The words are those of the page.
const sayNoResponse = (box) => {
  if (box?.id !== 'messages') return
  box.innerHTML = document.getElementById('no-response').textContent
  box.scrollIntoView({ block: 'nearest' })
}
addEventListener('htmx:error', ({ detail: { ctx } }) => sayNoResponse(ctx?.target))
addEventListener('htmx:before:response', (event) => {
  const { target, hx, response } = event.detail.ctx
  if (!target?.closest('#messages') || hx.redirect || response.headers.has('Gatehouse')) return
  event.preventDefault()
  sayNoResponse(target)
})
