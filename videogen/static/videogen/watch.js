/* The Watch page, of the team and of guests: the player, and the strip of shots below it. */
"use strict";

(() => {
  const page = document.querySelector("[data-watch]");
  const root = page && page.querySelector("[data-player]");
  if (!page) return;
  page.querySelectorAll("[data-submits]").forEach((field) => {
    field.addEventListener("change", () => field.form.requestSubmit());
  });
  if (!root) return;
  const data = JSON.parse(document.getElementById("watch-data").textContent);
  const player = storyPlayer(root, data.story, { path: data.path || undefined, start: false });
  const items = [...page.querySelectorAll("[data-key]")].filter((each) => each.dataset.index);
  const itemAt = ({ scenelet, index }) =>
    items.find((each) => each.dataset.key === scenelet && Number(each.dataset.index) === index);

  const mark = (at) => {
    items.forEach((each) => each.removeAttribute("aria-current"));
    const item = itemAt(at);
    if (!item) return;
    item.setAttribute("aria-current", "true");
    const strip = item.parentElement;
    strip.scrollLeft = item.offsetLeft - strip.clientWidth / 2;
  };

  root.addEventListener("shot", (event) => mark(event.detail));
  items.forEach((item) => {
    item.querySelector("[data-jump]").addEventListener("click", () => {
      player.go(item.dataset.key, Number(item.dataset.index));
    });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "t" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    const item = itemAt(player.at());
    const takes = item && item.querySelector("[data-takes]");
    if (takes) takes.click();
  });
  mark(player.at());
})();
