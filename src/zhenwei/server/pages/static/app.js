"use strict";
(() => {
  const all = (query, within) => Array.from((within || document).querySelectorAll(query));
  const one = (id) => document.getElementById(id);
  document.documentElement.classList.add("scripts");
  all(".scripted").forEach((part) => { part.hidden = false; });
  const notice = one("notice");
  const tell = (...parts) => {
    notice.replaceChildren(...parts);
    notice.hidden = false;
    notice.scrollIntoView({ block: "nearest" });
  };
  /* A session can end while its page stays open. */
  const signedOut = () => {
    const words = document.createElement("span");
    const link = document.createElement("a");
    words.textContent = notice.dataset.saidOut;
    link.href = "/login?back=" + encodeURIComponent(location.pathname + location.search);
    link.textContent = notice.dataset.saidIn;
    return [words, " ", link];
  };
  window.zhenwei = { signedOut: signedOut };

  /* Times in the reader's own zone, which is named; the text that came stays as the title. */
  const two = (number) => String(number).padStart(2, "0");
  all("time[datetime]").forEach((each) => {
    const at = new Date(each.dateTime);
    const ahead = -at.getTimezoneOffset();
    if (!ahead) { return; }
    const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join("-");
    const zone = "UTC" + (ahead > 0 ? "+" : "−") + Math.floor(Math.abs(ahead) / 60) + (ahead % 60 ? ":" + two(Math.abs(ahead % 60)) : "");
    each.title = each.textContent;
    each.textContent = day + " " + two(at.getHours()) + ":" + two(at.getMinutes()) + " " + zone;
  });

  /* What somebody writes is kept in this tab until it is on the page: a session can end before it is sent. */
  const DRAFT = "zhenwei draft ";
  const drafts = (act) => { try { return act(sessionStorage); } catch (error) { return null; } };
  /* Pages write out what is unseen, as <U+200E>. */
  const plain = (text) => text.replace(/<U\+[0-9A-F]{4,6}>/g, "").replace(/[^\p{L}\p{N}]/gu, "");
  const notes = () => all(".note").map((note) => plain(all("p", note).slice(1).map((part) => part.textContent).join("\n")));
  /* Those of somebody else go; a page of nobody, like that of the login, keeps them for who comes back. */
  const person = document.body.dataset.person;
  const own = DRAFT + person + " ";
  const forget = (others) => drafts((kept) => {
    Object.keys(kept).filter((key) => key.startsWith(DRAFT) && !(others && key.startsWith(own))).forEach((key) => kept.removeItem(key));
  });
  if (person) { forget(true); }
  all("textarea").forEach((field) => {
    const key = own + location.pathname + " " + field.name;
    const about = field.form.querySelector("select");
    let draft = drafts((kept) => JSON.parse(kept.getItem(key)));
    if (draft && draft.before !== undefined && notes().length > draft.before && notes().includes(plain(draft.text))) {
      drafts((kept) => kept.removeItem(key));
      draft = null;
    }
    if (draft && !field.value) {
      field.value = draft.text;
      if (about && Array.from(about.options).some((option) => option.value === draft.about)) { about.value = draft.about; }
    }
    const keep = (before) => {
      const text = JSON.stringify({ text: field.value, about: about ? about.value : "", before: before });
      drafts((kept) => field.value ? kept.setItem(key, text) : kept.removeItem(key));
    };
    [field, about].filter(Boolean).forEach((each) => each.addEventListener("input", () => keep()));
    field.form.addEventListener("submit", () => keep(notes().length));
  });
  all("form[action='/logout']").forEach((form) => form.addEventListener("submit", () => forget(false)));

  /* Files: dropped anywhere on the page, pasted or chosen. Each is sent by itself, so that one that is refused keeps no other. */
  const form = one("drop");
  const filled = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => name in values ? values[name] : whole);
  const sentences = (...parts) => parts.filter(Boolean).map((part) => {
    if (/[.!?。！？]$/.test(part)) { return part; }
    return part + (/\p{Script=Han}$/u.test(part) ? "。" : ".");
  }).join(" ");
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
      if (request.status < 300 && answer.ids && answer.ids.length) {
        shown.words.textContent = filled(form.dataset.saidSent, { name: file.name });
        shown.bar.remove();
        way.known = way.known || answer.known;
        done(answer.ids[0]);
        return;
      }
      if (request.status === 401) { failed(form.dataset.saidOut); return; }
      const why = answer.refused && answer.refused.length ? answer.refused[0] : sentences(answer.detail, answer.fix);
      failed(why || request.status);
    });
    request.addEventListener("error", () => failed(form.dataset.saidConnection));
    request.send(body);
  });
  /* One queue for all that comes: what is dropped while something is on its way joins it, and nobody is left behind. */
  const way = { queue: Promise.resolve(), waiting: 0, ids: [], refused: 0, known: false };
  const onward = () => {
    const kept = form.querySelector("[name=case]");
    const told = way.known ? "told=known_before" : "";
    if (way.ids.length === 1 && !kept) { return "/examinations/" + way.ids[0] + (told ? "?" + told : ""); }
    const all = "/progress?" + way.ids.map((id) => "id=" + id).join("&");
    return all + (kept ? "&case=" + kept.value : "") + (told ? "&" + told : "");
  };
  const leave = () => {
    if (!way.ids.length) { return; }
    if (!way.refused) { location.href = onward(); return; }
    /* What was refused stays to be read; the others are a link away. */
    const link = form.querySelector(".onward") || document.createElement("a");
    link.className = "button onward";
    link.href = onward();
    link.textContent = filled(form.dataset.saidOnward, { count: way.ids.length });
    form.querySelector(".sending").after(link);
  };
  const take = (given) => {
    const files = Array.from(given);
    const some = files.slice(0, Math.max(0, Number(form.dataset.count) - way.ids.length - way.waiting));
    if (!files.length) { return; }
    const list = form.querySelector(".sending");
    list.hidden = false;
    const fold = form.closest("details");
    if (fold) { fold.open = true; }
    if (some.length !== files.length) {
      const item = document.createElement("li");
      item.className = "bad";
      item.textContent = filled(form.dataset.saidMany, { left: files.length - some.length });
      list.append(item);
      way.refused += 1;
    }
    some.forEach((file) => {
      const shown = row(file.name);
      list.append(shown.item);
      way.waiting += 1;
      way.queue = way.queue.then(() => sent(file, shown)).then((id) => {
        if (!id) { way.refused += 1; } else if (!way.ids.includes(id)) { way.ids.push(id); }
        way.waiting -= 1;
        if (!way.waiting) { leave(); }
      });
    });
    if (!way.waiting) { leave(); }
  };
  /* A folder that is dropped is all that lies in it, but for what is hidden. */
  const within = (entry) => new Promise((done) => {
    if (entry.name.startsWith(".")) { done([]); return; }
    if (entry.isFile) { entry.file((file) => done([file]), () => done([])); return; }
    const reader = entry.createReader();
    const found = [];
    const more = () => reader.readEntries((some) => {
      if (some.length) { found.push(...some); more(); } else { Promise.all(found.map(within)).then((lists) => done(lists.flat())); }
    }, () => done([]));
    more();
  });
  const dropped = (carried) => {
    const entries = Array.from(carried.items || []).map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry()).filter(Boolean);
    if (!entries.some((entry) => entry.isDirectory)) { take(carried.files); return; }
    Promise.all(entries.map(within)).then((lists) => {
      const files = lists.flat();
      if (files.length) { take(files); } else { tell(form.dataset.saidNone); }
    });
  };
  if (form) {
    form.querySelector("[type=file]").addEventListener("change", (event) => {
      take(event.target.files);
      event.target.value = ""; /* so that the same file can be chosen again */
    });
    window.addEventListener("beforeunload", (event) => { if (way.waiting) { event.preventDefault(); event.returnValue = ""; } });
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
      dropped(event.dataTransfer);
    });
    const writes = "textarea, select, [contenteditable], input:not([type=file], [type=radio], [type=checkbox], [type=range])";
    window.addEventListener("paste", (event) => {
      if (event.target.closest && event.target.closest(writes)) { return; }
      if (event.clipboardData && event.clipboardData.files.length) { event.preventDefault(); take(event.clipboardData.files); }
    });
  }

  /* Bars that move: told by the service as it goes on, asked for every second until it does and where it does not. */
  const running = one("running");
  if (running) {
    const ids = running.dataset.ids.split(",");
    let over = false;
    const show = (found) => {
      if (over) { return; }
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
    let told = "";
    const complain = (why, ...parts) => { if (told !== why) { tell(...parts); told = why; } }; /* once: a link may have the focus */
    const ask = () => fetch(address, { headers: { Accept: "application/json" } }).then((answer) => {
      if (answer.status === 401) { complain("out", ...signedOut()); return null; }
      if (answer.status >= 500) { throw new Error(answer.status); }
      lost = 0;
      return answer.ok ? answer.json() : null;
    }).then((found) => {
      if (!found) { return; }
      if (told) { notice.hidden = true; told = ""; }
      show(found);
    }).catch(() => { lost += 1; if (lost > 3) { complain("lost", running.dataset.saidConnection); } });
    const events = window.EventSource && running.dataset.alone ? new EventSource("/api/v1/jobs/" + ids[0] + "/events") : null;
    let listens = false;
    if (events) {
      ["progress", "done", "failed", "cancelled", "gone"].forEach((name) => events.addEventListener(name, () => { listens = true; ask(); }));
      events.addEventListener("error", () => { listens = false; events.close(); });
    }
    /* Events do not tell that the session has ended, so this is asked now and then beside them. */
    const tick = () => { ask().finally(() => { if (!over) { setTimeout(tick, listens ? 5000 : lost ? 2000 : 1000); } }); };
    tick();
  }

  const share = one("laid-share");
  if (share) { share.addEventListener("input", () => { one("laid").style.opacity = share.value / 100; }); }
  const paper = one("print");
  if (paper) { paper.addEventListener("click", () => window.print()); }
})();
