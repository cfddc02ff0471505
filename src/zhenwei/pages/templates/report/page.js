"use strict";
const all = (query, within) => Array.from((within || document).querySelectorAll(query));
all(".scripted").forEach((part) => { part.hidden = false; });

all(".tools").forEach((tools) => {
  const over = tools.closest("figure").querySelector(".over");
  const slide = tools.querySelector(".slide");
  const strength = tools.querySelector(".strength");
  slide.addEventListener("input", () => { over.style.clipPath = "inset(0 0 0 " + slide.value + "%)"; });
  strength.addEventListener("input", () => {
    tools.querySelector(".see-weighed").checked = true;
    over.style.opacity = strength.value / 100;
  });
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") { location.hash = "_"; }
});

const player = document.getElementById("player");
const seek = (second) => {
  player.currentTime = second;
  if (0 > player.getBoundingClientRect().bottom) { player.classList.add("pinned"); }
  player.play().catch(() => {});
};
if (player) {
  const plots = all(".timed").map((plot) => {
    const start = Number(plot.dataset.start);
    return { plot: plot, start: start, length: Number(plot.dataset.end) - start };
  });
  plots.forEach((each) => {
    each.plot.classList.add("seekable");
    each.plot.addEventListener("click", (event) => {
      const box = each.plot.getBoundingClientRect();
      const share = ((event.clientX - box.left) / box.width - 0.01) / 0.98;
      seek(each.start + each.length * Math.min(1, Math.max(0, share)));
    });
  });
  player.addEventListener("timeupdate", () => {
    plots.forEach((each) => {
      each.plot.style.setProperty("--now", (1 + 98 * (player.currentTime - each.start) / each.length) + "%");
    });
  });
  player.addEventListener("pause", () => { player.classList.remove("pinned"); });
  all("[data-second]").forEach((link) => {
    link.addEventListener("click", (event) => { event.preventDefault(); seek(Number(link.dataset.second)); });
  });
}

let closed = [];
window.addEventListener("beforeprint", () => {
  closed = all("details:not([open])");
  closed.forEach((part) => { part.open = true; });
});
window.addEventListener("afterprint", () => { closed.forEach((part) => { part.open = false; }); });
