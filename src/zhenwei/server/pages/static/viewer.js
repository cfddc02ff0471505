"use strict";
(() => {
  const viewer = document.getElementById("viewer");
  if (!viewer) { return; }
  const all = (query, within) => Array.from((within || document).querySelectorAll(query));
  const one = (id) => document.getElementById(id);
  const on = (element, kind, act) => { if (element) { element.addEventListener(kind, act); } };
  const kind = viewer.dataset.kind;
  const people = JSON.parse(viewer.dataset.people);
  const maps = JSON.parse(viewer.dataset.maps);
  const step = 1 / Math.max(1, Number(viewer.dataset.fps) || 25);
  const player = one("player");
  const marks = one("marks");
  const mapped = one("mapped");
  const choice = one("map");
  const strength = one("strength");
  const near = Math.max(0.35, 1.5 * step);
  let boxed = true;

  /* Where a person is at a moment: between two sightings on the straight line, nowhere long before or after one. */
  const placed = (seen, time) => {
    let before = null;
    let after = null;
    for (const each of seen) {
      if (each[0] > time) { after = each; break; }
      before = each;
    }
    if (before && after && 2.5 > after[0] - before[0]) {
      const share = (time - before[0]) / (after[0] - before[0] || 1);
      return before.map((value, at) => value + share * (after[at] - value));
    }
    const single = before && (!after || after[0] - time > time - before[0]) ? before : after;
    return single && 0.6 > Math.abs(single[0] - time) ? single : null;
  };
  /* At the edge of the picture a label that stands outside its box would be cut off. */
  const atEdge = (box, place) => {
    const label = box.querySelector("b");
    box.classList.toggle("high", label.offsetHeight + 6 > place[1] * marks.clientHeight);
    box.classList.toggle("far", place[0] * marks.clientWidth + label.offsetWidth > marks.clientWidth);
  };
  const put = (element, place) => {
    element.style.left = 100 * place[0] + "%";
    element.style.top = 100 * place[1] + "%";
    element.style.width = 100 * (place[2] - place[0]) + "%";
    element.style.height = 100 * (place[3] - place[1]) + "%";
  };
  const faces = kind === "video" ? people.map((person) => {
    const box = document.createElement("span");
    const label = document.createElement("b");
    box.className = "boxed " + person.decision;
    label.textContent = viewer.dataset.person.replace("{n}", person.number);
    box.append(label);
    box.hidden = true;
    marks.append(box);
    return { box: box, seen: person.seen };
  }) : [];
  const stillFaces = kind === "image" ? all(".boxed", marks) : [];
  const label = () => stillFaces.forEach((box) => atEdge(box, [parseFloat(box.style.left) / 100, parseFloat(box.style.top) / 100]));
  label();
  on(window, "resize", label);
  const drawFaces = (time) => faces.forEach((face) => {
    const found = boxed ? placed(face.seen, time) : null;
    face.box.hidden = !found;
    if (found) { put(face.box, found.slice(1)); atEdge(face.box, found.slice(1)); }
  });

  const mapNow = (time) => {
    if (!choice || !choice.value) { return null; }
    let best = null;
    maps.forEach((map) => {
      const apart = map.time === null ? 0 : Math.abs(map.time - time);
      if (map.detector === choice.value && near >= apart && (!best || best.apart > apart)) { best = { map: map, apart: apart }; }
    });
    return best && best.map;
  };
  /* To the moment of the chosen map that is nearest: elsewhere there is nothing of it to see. */
  const toMap = () => {
    const apart = (map) => Math.abs(map.time - player.currentTime);
    const found = maps.filter((map) => map.detector === choice.value).sort((one, other) => apart(one) - apart(other))[0];
    if (found) { player.pause(); player.currentTime = found.time; }
  };
  const drawMap = (time) => {
    if (!mapped) { return; }
    const map = mapNow(kind === "video" ? time : 0);
    mapped.hidden = !map;
    if (!map) { return; }
    if (mapped.dataset.shown !== map.src) {
      mapped.src = map.src;
      mapped.dataset.shown = map.src;
      mapped.alt = map.caption;
      mapped.classList.toggle("grey", map.grey);
    }
    put(mapped, map.place);
    mapped.style.opacity = strength.value / 100;
  };
  const draw = () => {
    const time = player ? player.currentTime : 0;
    drawFaces(time);
    drawMap(time);
  };
  const clock = (time) => {
    const tenths = Math.round(10 * Math.max(0, time));
    return Math.floor(tenths / 600) + ":" + String(Math.floor(tenths % 600 / 10)).padStart(2, "0") + "." + tenths % 10;
  };

  on(choice, "change", () => {
    all(".moment").forEach((each) => each.classList.toggle("other", each.dataset.detector !== choice.value));
    if (kind === "video" && choice.value && !mapNow(player.currentTime)) { toMap(); }
    draw();
  });
  on(strength, "input", draw);
  all(".moment").forEach((each) => each.classList.toggle("other", choice && each.dataset.detector !== choice.value));
  const boxes = one("boxes");
  on(boxes, "click", () => {
    boxed = !boxed;
    boxes.setAttribute("aria-pressed", boxed);
    if (kind === "image") { marks.hidden = !boxed; }
    draw();
  });

  /* Larger, smaller, moved: both panes alike. */
  const pane = one("pane");
  const beside = one("beside");
  const side = one("side");
  const panes = [pane, beside].filter(Boolean);
  const sight = { zoom: 1, x: 0, y: 0 };
  const look = () => {
    if (!pane) { return; }
    const box = pane.getBoundingClientRect();
    sight.x = Math.min(0, Math.max(box.width * (1 - sight.zoom), sight.x));
    sight.y = Math.min(0, Math.max(box.height * (1 - sight.zoom), sight.y));
    panes.forEach((each) => {
      each.style.setProperty("--zoom", sight.zoom);
      each.style.setProperty("--x", sight.x + "px");
      each.style.setProperty("--y", sight.y + "px");
      each.classList.toggle("zoomed", sight.zoom > 1);
    });
  };
  const zoom = (factor, x, y) => {
    if (!pane) { return; }
    const box = pane.getBoundingClientRect();
    const next = Math.min(16, Math.max(1, sight.zoom * factor));
    const part = x === undefined && sight.zoom === 1 && all(".mapped, .boxed", pane).find((each) => each.offsetWidth);
    if (part) { /* the whole picture becomes a look at its map, or its first face */
      sight.x = box.width / 2 - next * (part.offsetLeft + part.offsetWidth / 2);
      sight.y = box.height / 2 - next * (part.offsetTop + part.offsetHeight / 2);
    } else {
      const at = x === undefined ? { x: box.width / 2, y: box.height / 2 } : { x: x, y: y };
      sight.x = at.x - (at.x - sight.x) * next / sight.zoom;
      sight.y = at.y - (at.y - sight.y) * next / sight.zoom;
    }
    sight.zoom = next;
    look();
  };
  panes.forEach((each) => {
    on(each, "wheel", (event) => {
      if (!event.ctrlKey && sight.zoom === 1 && kind === "video") { return; }
      if (!event.ctrlKey && sight.zoom === 1 && event.deltaY > 0) { return; }
      event.preventDefault();
      const box = each.getBoundingClientRect();
      zoom(event.deltaY > 0 ? 0.8 : 1.25, event.clientX - box.left, event.clientY - box.top);
    });
    let held = null;
    on(each, "pointerdown", (event) => {
      if (sight.zoom === 1 || event.button) { return; }
      held = { x: event.clientX - sight.x, y: event.clientY - sight.y };
      each.setPointerCapture(event.pointerId);
    });
    on(each, "pointermove", (event) => {
      if (!held) { return; }
      sight.x = event.clientX - held.x;
      sight.y = event.clientY - held.y;
      look();
    });
    ["pointerup", "pointercancel"].forEach((kindOf) => on(each, kindOf, () => { held = null; }));
  });
  on(one("zoom-in"), "click", () => zoom(1.5));
  on(one("zoom-out"), "click", () => zoom(1 / 1.5));
  const whole = () => { sight.zoom = 1; look(); };
  on(one("zoom-whole"), "click", whole);
  on(window, "resize", look);
  on(side, "click", () => {
    beside.hidden = !beside.hidden;
    side.setAttribute("aria-pressed", !beside.hidden);
    whole();
  });

  /* The player: time, frames, passages. */
  const passages = all(".passage").map((each) => Number(each.dataset.from)).sort((one, other) => one - other);
  const end = () => (player.duration && isFinite(player.duration) ? player.duration : Number((one("position") || {}).max || 0));
  const seek = (time) => { player.currentTime = Math.min(end(), Math.max(0, time)); };
  const shift = (seconds) => { player.pause(); seek(player.currentTime + seconds); };
  const passage = (way) => {
    const now = player.currentTime;
    const found = way > 0 ? passages.find((from) => from > now + 0.05) : passages.filter((from) => now - 0.3 > from).pop();
    if (found !== undefined) { seek(found); }
  };
  const toggle = () => { if (player.paused) { player.play().catch(() => {}); } else { player.pause(); } };
  if (player) {
    const position = one("position");
    const time = one("time");
    const play = one("play");
    player.controls = false;
    const mute = one("mute");
    on(mute, "click", () => { player.muted = !player.muted; mute.setAttribute("aria-pressed", !player.muted); });
    const follow = () => {
      time.textContent = clock(player.currentTime);
      position.value = player.currentTime;
      position.setAttribute("aria-valuetext", clock(player.currentTime));
      draw();
    };
    const run = () => { follow(); if (!player.paused) { requestAnimationFrame(run); } };
    on(player, "play", () => { play.textContent = "❚❚"; run(); });
    on(player, "pause", () => { play.textContent = "▶"; follow(); });
    ["seeked", "seeking", "timeupdate", "loadedmetadata"].forEach((name) => on(player, name, follow));
    on(player, "loadedmetadata", () => { if (isFinite(player.duration)) { position.max = player.duration; } });
    on(player, "click", () => { if (sight.zoom === 1) { toggle(); } });
    on(play, "click", toggle);
    on(position, "input", () => seek(Number(position.value)));
    on(one("frame-back"), "click", () => shift(-step));
    on(one("frame-on"), "click", () => shift(step));
    on(one("passage-back"), "click", () => passage(-1));
    on(one("passage-next"), "click", () => passage(1));
    on(one("speed"), "change", (event) => { player.playbackRate = Number(event.target.value); });
    all(".passage").forEach((each) => on(each, "click", (event) => {
      event.stopPropagation();
      seek(Number(each.dataset.from));
      player.play().catch(() => {});
    }));
    all(".moment").forEach((each) => on(each, "click", (event) => {
      event.stopPropagation();
      player.pause();
      seek(Number(each.dataset.at));
      if (choice) { choice.value = each.dataset.detector; choice.dispatchEvent(new Event("change")); }
    }));
  }
  draw();

  /* A copy that can be played may still be in the making; without one, the reader's own file will do. */
  const waiting = one("preparing");
  const source = (address) => {
    if (player) { player.src = address; player.load(); }
    all("#still, #still-beside").forEach((image) => { image.src = address; });
  };
  const preparing = waiting && waiting.textContent;
  const wait = () => fetch(viewer.dataset.address).then((answer) => {
    if (answer.status === 401 && !waiting.querySelector("a")) { waiting.replaceChildren(...window.zhenwei.signedOut()); }
    if (!answer.ok) { throw new Error(answer.status); }
    return answer.json();
  }).then((found) => {
    if (found.state === "making") { waiting.textContent = preparing; setTimeout(wait, 1500); return; }
    if (found.state === "ready") {
      source(found.src);
      waiting.remove();
      const drawn = one("spectrogram");
      if (drawn && drawn.dataset.src) { drawn.src = drawn.dataset.src; }
      return;
    }
    waiting.textContent = viewer.dataset.failed;
  }).catch(() => setTimeout(wait, 5000));
  if (viewer.dataset.state === "making") { setTimeout(wait, 1000); }
  on(one("own-file"), "change", async (event) => {
    const file = event.target.files[0];
    if (!file) { return; }
    let same = String(file.size) === viewer.dataset.bytes;
    if (same && window.crypto && crypto.subtle && 500000000 > file.size) {
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
      same = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") === viewer.dataset.sha256;
    }
    one("own-told").textContent = same ? "" : viewer.dataset.other;
    if (same) { source(URL.createObjectURL(file)); }
  });

  /* Keys. Single ones can be switched off in the settings; "?" stays. */
  const help = one("keys");
  on(one("open-keys"), "click", () => help.showModal());
  const nudge = (by) => { if (strength) { strength.value = Number(strength.value) + by; draw(); } };
  const flip = () => {
    if (!choice) { return; }
    choice.value = choice.value ? "" : (choice.dataset.last || choice.options[1].value);
    choice.dispatchEvent(new Event("change"));
  };
  on(choice, "change", () => { if (choice.value) { choice.dataset.last = choice.value; } });
  if (choice && choice.value) { choice.dataset.last = choice.value; }
  const keys = {
    "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), "0": whole,
    b: () => boxes && boxes.click(), m: flip, "[": () => nudge(-10), "]": () => nudge(10), s: () => side && side.click(),
  };
  if (player) {
    Object.assign(keys, {
      k: toggle, ",": () => shift(-step), ".": () => shift(step), j: () => shift(-1), l: () => shift(1),
      Home: () => seek(0), End: () => seek(end()), p: () => passage(-1), n: () => passage(1),
      ArrowLeft: () => shift(-1), ArrowRight: () => shift(1), " ": toggle,
    });
  }
  const own = "input, select, textarea, button, a, audio, summary, [contenteditable]";
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) { return; }
    const typing = event.target.closest("input:not([type=range]):not([type=radio]):not([type=checkbox]), select, textarea");
    if (typing) { return; }
    if (event.key === "?") { event.preventDefault(); help.showModal(); return; }
    if (document.body.dataset.keys === "off") { return; }
    const held = event.target.closest(own);
    if (held && [" ", "ArrowLeft", "ArrowRight", "Home", "End", "Enter"].includes(event.key)) { return; }
    const act = keys[event.key] || keys[event.key.toLowerCase()];
    if (act) { event.preventDefault(); act(); }
  });
})();
