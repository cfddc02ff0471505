"use strict";
(() => {
  const all = (query, within) => Array.from((within || document).querySelectorAll(query));
  const one = (id) => document.getElementById(id);
  document.documentElement.classList.add("scripts");
  all(".scripted").forEach((part) => { part.hidden = false; });
  const notice = one("notice");
  const tell = (text) => {
    notice.textContent = text;
    notice.hidden = false;
    notice.scrollIntoView({ block: "nearest" });
  };

  /* Files: dropped anywhere on the page, pasted or chosen. Each is sent by itself, so that one that is refused keeps no other. */
  const form = one("drop");
  const filled = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => name in values ? values[name] : whole);
  const row = (name) => {
    const item = document.createElement("li");
    const words = document.createElement("span");
    const bar = document.createElement("progress");
    words.textContent = filled(form.dataset.saidUploading, { name: name });
    bar.max = 100;
    bar.setAttribute("aria-label", words.textContent);
    item.append(words, bar);
    return { item: item, words: words, bar: bar };
  };
  const sent = (file, shown) => new Promise((done) => {
    const failed = (why) => {
      shown.words.textContent = filled(form.dataset.saidFailed, { name: file.name, why: why });
      shown.words.className = "bad";
      shown.bar.remove();
      done("");
    };
    if (file.size > Number(form.dataset.limit)) { failed(form.dataset.saidLarge); return; }
    const body = new FormData();
    all("input[type=hidden], input[type=radio]:checked", form).forEach((field) => body.append(field.name, field.value));
    body.append("file", file, file.name);
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) { shown.bar.value = 100 * event.loaded / event.total; }
    });
    request.addEventListener("load", () => {
      let answer = {};
      try { answer = JSON.parse(request.responseText); } catch (error) { /* told below */ }
      if (request.status < 300 && answer.ids && answer.ids.length) { shown.bar.value = 100; done(answer.ids[0]); return; }
      const why = answer.refused && answer.refused.length ? answer.refused[0] : [answer.detail, answer.fix].filter(Boolean).join(" ");
      failed(why || request.status);
    });
    request.addEventListener("error", () => failed(form.dataset.saidConnection));
    request.send(body);
  });
  const take = async (files) => {
    const some = Array.from(files).slice(0, Number(form.dataset.count));
    if (!some.length) { return; }
    const list = form.querySelector(".sending");
    list.hidden = false;
    const rows = some.map((file) => { const shown = row(file.name); list.append(shown.item); return shown; });
    const ids = [];
    for (let at = 0; at !== some.length; at += 1) {
      const id = await sent(some[at], rows[at]);
      if (id) { ids.push(id); }
    }
    if (!ids.length) { return; }
    const kept = form.querySelector("[name=case]");
    const wait = ids.length === some.length ? 0 : 4000;
    setTimeout(() => {
      const all = "/progress?" + ids.map((id) => "id=" + id).join("&");
      location.href = kept ? all + "&case=" + kept.value : ids.length === 1 ? "/examinations/" + ids[0] : all;
    }, wait);
  };
  if (form) {
    form.querySelector("[type=file]").addEventListener("change", (event) => take(event.target.files));
    let depth = 0;
    const carries = (event) => event.dataTransfer && Array.from(event.dataTransfer.types).includes("Files");
    window.addEventListener("dragenter", (event) => { if (carries(event)) { depth += 1; form.classList.add("over"); } });
    window.addEventListener("dragleave", () => { depth = Math.max(0, depth - 1); if (!depth) { form.classList.remove("over"); } });
    window.addEventListener("dragover", (event) => { if (carries(event)) { event.preventDefault(); } });
    window.addEventListener("drop", (event) => {
      if (!carries(event)) { return; }
      event.preventDefault();
      depth = 0;
      form.classList.remove("over");
      take(event.dataTransfer.files);
    });
    window.addEventListener("paste", (event) => {
      if (event.clipboardData && event.clipboardData.files.length) { event.preventDefault(); take(event.clipboardData.files); }
    });
  }

  /* Bars that move: told by the service as it goes on, asked for every second where that fails. */
  const running = one("running");
  if (running) {
    const ids = running.dataset.ids.split(",");
    let over = false;
    const show = (found) => {
      let done = 0;
      found.jobs.forEach((job) => {
        const item = one("job-" + job.id);
        if (!item) { return; }
        item.querySelector("progress").value = job.percent;
        item.querySelector(".stage").textContent = job.stage;
        item.querySelector(".left").textContent = job.left;
        if (job.over) {
          done += 1;
          const cancel = item.querySelector("form");
          if (cancel) { cancel.remove(); }
        }
        if (item.dataset.state !== job.state) {
          if (job.badge) { item.querySelector(".outcome").replaceChildren(new DOMParser().parseFromString(job.badge, "text/html").body.firstChild || ""); }
          item.dataset.state = job.state;
        }
      });
      if (!running.dataset.alone) {
        one("progress-count").textContent = filled(running.dataset.saidMany, { done: done, count: found.jobs.length });
      }
      over = done === found.jobs.length;
      const into = one("into-case");
      if (over && into) { into.submit(); }
      else if (over && running.dataset.alone) { location.reload(); }
    };
    const address = "/progress.json?" + ids.map((id) => "id=" + id).join("&");
    let lost = 0;
    const ask = () => fetch(address, { headers: { Accept: "application/json" } })
      .then((answer) => { if (!answer.ok) { throw new Error(answer.status); } return answer.json(); })
      .then((found) => { if (lost > 3) { notice.hidden = true; } lost = 0; show(found); })
      .catch(() => { lost += 1; if (lost > 3) { tell(running.dataset.saidConnection); } });
    const tick = () => { ask().finally(() => { if (!over) { setTimeout(tick, lost ? 2000 : 1000); } }); };
    const events = window.EventSource && running.dataset.alone ? new EventSource("/api/v1/jobs/" + ids[0] + "/events") : null;
    if (events) {
      let polled = false;
      const poll = () => { events.close(); if (!polled && !over) { polled = true; tick(); } };
      ["progress", "done", "failed", "cancelled", "gone"].forEach((name) => events.addEventListener(name, ask));
      events.addEventListener("error", poll);
      const silence = setTimeout(poll, 4000);
      events.addEventListener("progress", () => clearTimeout(silence));
    } else { tick(); }
  }

  const share = one("laid-share");
  if (share) { share.addEventListener("input", () => { one("laid").style.opacity = share.value / 100; }); }
  const paper = one("print");
  if (paper) { paper.addEventListener("click", () => window.print()); }
})();
