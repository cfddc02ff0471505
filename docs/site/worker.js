/* Browsers start no worker from a folder (file:), and the search of the site's theme runs in one. This one lives in a
   frame of the page instead: the script that it is given runs there, and messages are handed over directly. */
if (location.protocol === "file:") {
  const serve = (frame, owner) => {
    const inside = frame.contentWindow
    inside.postMessage = data => owner.dispatchEvent(new MessageEvent("message", { data }))
    inside.importScripts = (...addresses) => addresses.reduce((before, address) => before.then(() => new Promise((done, lost) => {
      const script = inside.document.createElement("script")
      script.src = address
      script.onload = done
      script.onerror = lost
      inside.document.body.append(script)
    })), Promise.resolve())
  }
  window.IFrameWorker = class extends EventTarget {
    constructor(address) {
      super()
      this.frame = document.createElement("iframe")
      this.frame.hidden = true
      document.body.append(this.frame)
      serve(this.frame, this)
      const inside = this.frame.contentDocument
      this.ready = new Promise(done => {
        const script = inside.createElement("script")
        script.src = new URL(address, location.href).href
        script.onload = done
        inside.body.append(script)
      })
      this.addEventListener("message", event => this.onmessage && this.onmessage(event))
    }
    postMessage(data) {
      this.ready.then(() => this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data })))
    }
    terminate() { this.frame.remove() }
  }
  window.Worker = window.IFrameWorker
}
