/* The board: filters without a page load, selecting, folding, the map, keys, and the player that
   shows shots large and with sound. Whatever decides or costs money also works without this file. */

"use strict";

(() => {
  const STILL_SECONDS = 3;
  const TYPING_WAIT = 250;

  const board = document.querySelector("[data-board]");
  if (!board) return;

  const stillness = matchMedia("(prefers-reduced-motion: reduce)");
  const one = (selector) => board.querySelector(selector);
  const all = (selector, root = board) => [...root.querySelectorAll(selector)];
  const holderOf = (target) => (target instanceof Element ? target.closest("article[data-shot]") : null);
  const codeOf = (holder) => holder?.querySelector(".st-shot-code");
  const reel = document.getElementById("st-reel");
  const keys = document.getElementById("st-keys");

  /* -- selecting */

  const boxes = (root) => all("[data-select-shot]", root);

  const showSelection = () => {
    const every = boxes();
    const checked = every.filter((box) => box.checked);
    const count = one("[data-selected-count]");
    if (!count) return;
    count.textContent = checked.length ? `${checked.length} selected` : "Select shots, or whole scenelets.";
    one("[data-selected-codes]").textContent = checked.slice(0, 12).map((box) => holderOf(box).id).join(" ");
    for (const button of all("[data-with-selection]")) button.disabled = checked.length === 0;
    const button = one("[data-select-all]");
    button.hidden = false;
    button.textContent = checked.length === every.length ? "Select none" : "Select all";
    for (const scene of all("[data-select-scene]")) {
      const mine = boxes(scene.closest(".st-scene"));
      const number = mine.filter((box) => box.checked).length;
      scene.checked = number === mine.length;
      scene.indeterminate = number > 0 && number < mine.length;
    }
    showPrice(checked);
  };

  // What the plan would cost: it renders those that have no take yet.
  const showPrice = (checked) => {
    const button = one("[data-generate]");
    if (!button) return;
    const number = checked.filter((box) => holderOf(box).querySelector("[data-to-make]")).length;
    const usd = number * Number(button.dataset.priceUsd || 0);
    const money = usd.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
    button.textContent = usd ? `Generate ${number} · $${money}…` : "Generate videos…";
  };

  const select = (some, checked) => {
    for (const box of some) box.checked = checked;
    showSelection();
  };

  board.addEventListener("change", (event) => {
    if (event.target.matches("[data-select-scene]")) {
      select(boxes(event.target.closest(".st-scene")), event.target.checked);
    } else if (event.target.matches("[data-select-shot]")) showSelection();
  });

  // With the shift key, all boxes between the last one and this one.
  let last = null;
  const selectTo = (box, isRange) => {
    const every = boxes();
    if (isRange && last && last.isConnected) {
      const [from, to] = [every.indexOf(last), every.indexOf(box)].sort((a, b) => a - b);
      select(every.slice(Math.max(from, 0), to + 1), box.checked);
    }
    last = box;
  };
  board.addEventListener("click", (event) => {
    const target = event.target;
    if (target.matches("[data-select-shot]")) selectTo(target, event.shiftKey);
    else if (target.closest("[data-select-all]")) {
      const every = boxes();
      select(every, !every.every((box) => box.checked));
    }
  });

  // One field with all ids, for servers refuse forms with thousands of fields.
  board.addEventListener("formdata", (event) => {
    if (!event.target.matches("[data-board-form]")) return;
    const ids = event.formData.getAll("shot");
    event.formData.delete("shot");
    event.formData.delete("scenelet");
    event.formData.set("shots", ids.join(","));
  });
  // When a person comes back from the plan, the browser has ticked the boxes again.
  addEventListener("pageshow", showSelection);

  /* -- a box drawn with the mouse selects what it touches */

  const FEWEST_PIXELS = 6;
  const EDGE = 48;
  let drawn = null;

  const placeOf = (event) => {
    const box = one("[data-board-form]").getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  const draw = (event) => {
    const to = placeOf(event);
    const [left, right] = [drawn.from.x, to.x].sort((a, b) => a - b);
    const [top, bottom] = [drawn.from.y, to.y].sort((a, b) => a - b);
    const list = one("[data-board-form]");
    if (!drawn.box) {
      if (Math.max(right - left, bottom - top) < FEWEST_PIXELS) return;
      drawn.box = document.createElement("div");
      drawn.box.className = "st-lasso";
      drawn.before = new Set(drawn.adds ? boxes().filter((box) => box.checked) : []);
      list.append(drawn.box);
      board.classList.add("st-board--lasso");
      getSelection().removeAllRanges();
    }
    Object.assign(drawn.box.style, {
      left: `${left}px`, top: `${top}px`, width: `${right - left}px`, height: `${bottom - top}px`,
    });
    const origin = list.getBoundingClientRect();
    const touches = (element) => {
      const box = element.getBoundingClientRect();
      return box.left - origin.left < right && box.right - origin.left > left
        && box.top - origin.top < bottom && box.bottom - origin.top > top;
    };
    // The shots of scenelets that the box does not reach are not measured.
    for (const shots of all(".st-shots:not([hidden])")) {
      const isNear = touches(shots);
      for (const holder of shots.children) {
        const box = holder.querySelector("[data-select-shot]");
        box.checked = (isNear && touches(holder)) || drawn.before.has(box);
      }
    }
    showSelection();
    if (event.clientY > innerHeight - EDGE) scrollBy(0, 16);
    else if (event.clientY < EDGE * 3) scrollBy(0, -16);
  };

  board.addEventListener("pointerdown", (event) => {
    const isFree = event.target.closest(".st-shots, .st-scene") && !event.target.closest("a, button, input, label, select, summary");
    if (event.button !== 0 || event.pointerType !== "mouse" || !isFree) return;
    drawn = { from: placeOf(event), box: null, adds: event.shiftKey || event.ctrlKey || event.metaKey };
  });
  board.addEventListener("dragstart", (event) => {
    if (event.target.closest(".st-shot")) event.preventDefault();
  });
  document.addEventListener("pointermove", (event) => {
    if (drawn) draw(event);
  });
  const endDrawing = () => {
    if (drawn?.box) {
      drawn.box.remove();
      board.classList.remove("st-board--lasso");
      // The click that ends it plays nothing.
      addEventListener("click", (event) => event.stopPropagation(), { capture: true, once: true });
      setTimeout(() => dispatchEvent(new Event("click")), 0);
    }
    drawn = null;
  };
  document.addEventListener("pointerup", endDrawing);
  document.addEventListener("pointercancel", endDrawing);

  /* -- filters, without loading the page */

  const filters = one("[data-filter-form]");
  const announced = one("[data-board-status]");
  let asking = null;
  let typing = 0;
  // What the address asked for when the shots were loaded that are shown.
  let shown = location.search;

  const addressOf = () => {
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(filters)) {
      const isUsual = !value || (name === "group" && value === "scenelet") || (name === "size" && value === "3");
      if (!isUsual) query.set(name, value);
    }
    const address = filters.action.split("?")[0];
    return query.size ? `${address}?${query}` : address;
  };

  const fillIn = (address) => {
    const query = new URL(address, location.href).searchParams;
    for (const field of filters.elements) {
      if (field.name) field.value = query.get(field.name) || { group: "scenelet", size: "3" }[field.name] || "";
    }
    board.dataset.size = filters.elements.size.value;
  };

  const load = async (address, { keep = "push" } = {}) => {
    clearTimeout(typing);
    asking?.abort();
    asking = new AbortController();
    try {
      const response = await fetch(address, { credentials: "same-origin", signal: asking.signal });
      if (!response.ok || response.redirected) throw new Error(`status ${response.status}`);
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const next = page.querySelector("[data-board]");
      const selected = new Set(boxes().filter((box) => box.checked).map((box) => box.value));
      for (const part of document.querySelectorAll("[data-swap]")) {
        const fresh = page.querySelector(`[data-swap="${part.dataset.swap}"]`);
        if (fresh) part.replaceWith(fresh);
      }
      Object.assign(board.dataset, { liveUrl: next.dataset.liveUrl, liveSince: next.dataset.liveSince });
      for (const box of boxes()) box.checked = selected.has(box.value);
      if (keep === "push") history.pushState(null, "", address);
      else if (keep === "replace") history.replaceState(null, "", address);
      shown = location.search;
      begin();
      const number = Number(one("[data-board-form]").dataset.shown);
      announced.textContent = number === 1 ? "1 shot is shown." : `${number} shots are shown.`;
      board.dispatchEvent(new Event("live:replaced"));
    } catch (error) {
      // What cannot be swapped is loaded.
      if (error.name !== "AbortError") location.assign(address);
    }
  };

  filters.addEventListener("submit", (event) => {
    event.preventDefault();
    load(addressOf());
  });
  filters.addEventListener("input", (event) => {
    if (event.target.matches("[data-size]")) {
      board.dataset.size = event.target.value;
      history.replaceState(null, "", addressOf());
      shown = location.search;
    } else if (event.target.matches("[data-search]")) {
      clearTimeout(typing);
      typing = setTimeout(() => load(addressOf(), { keep: "replace" }), TYPING_WAIT);
    }
  });
  filters.addEventListener("change", (event) => {
    if (event.target.matches("select")) load(addressOf());
  });
  board.addEventListener("click", (event) => {
    const link = event.target.closest("[data-chip], [data-all-shots]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    fillIn(link.href);
    load(link.href);
  });
  addEventListener("popstate", () => {
    // A link to a place on this page, such as those of the map, comes here as well.
    if (location.search === shown) return;
    fillIn(location.href);
    load(location.href, { keep: "" });
  });
  // A click beside the list of filters closes it.
  document.addEventListener("pointerdown", (event) => {
    const more = one("[data-more]");
    if (more.open && !more.contains(event.target)) more.open = false;
  });
  for (const button of all("[data-without-script]")) button.hidden = true;

  /* -- folding, and the map */

  const folded = new Set();
  const fold = (button) => {
    const isFolded = folded.has(button.dataset.fold);
    button.setAttribute("aria-expanded", String(!isFolded));
    const shots = button.closest(".st-scene").querySelector(".st-shots");
    if (shots) shots.hidden = isFolded;
  };
  board.addEventListener("click", (event) => {
    const button = event.target.closest("[data-fold]");
    if (!button) return;
    const key = button.dataset.fold;
    if (!folded.delete(key)) folded.add(key);
    fold(button);
  });

  const map = one("[data-map-fold]");
  const wide = matchMedia("(min-width: 1101px)");
  const foldMap = () => {
    map.open = wide.matches;
  };
  wide.addEventListener("change", foldMap);
  foldMap();

  // The scenelet in view is the last one whose head has reached the upper edge.
  let sees = null;
  const inView = new Set();
  const mark = () => {
    const current = all("[data-scene]").find((scene) => inView.has(scene));
    for (const row of all("[data-map]")) {
      const isCurrent = row.dataset.map === current?.dataset.scene;
      if (isCurrent === row.hasAttribute("aria-current")) continue;
      if (!isCurrent) row.removeAttribute("aria-current");
      else {
        row.setAttribute("aria-current", "true");
        const rail = row.closest(".st-map");
        const [box, place] = [rail.getBoundingClientRect(), row.getBoundingClientRect()];
        if (place.top < box.top || place.bottom > box.bottom) rail.scrollTop += place.top - box.top - box.height / 2;
      }
    }
  };
  const watch = () => {
    sees?.disconnect();
    inView.clear();
    sees = new IntersectionObserver((changes) => {
      for (const { target, isIntersecting } of changes) {
        if (isIntersecting) inView.add(target);
        else inView.delete(target);
      }
      mark();
    }, { rootMargin: "-160px 0px -20% 0px" });
    for (const scene of all("[data-scene]")) sees.observe(scene);
  };

  const begin = () => {
    for (const button of all("[data-fold]")) {
      button.hidden = false;
      fold(button);
    }
    for (const each of all("[data-play-scene], [data-show-keys], [data-select-scene]")) each.hidden = false;
    showSelection();
    watch();
  };

  board.addEventListener("click", (event) => {
    if (event.target.closest("[data-show-keys]")) keys.showModal();
    const player = event.target.closest("[data-play-scene]");
    if (player) playScene(player.closest(".st-scene"));
  });

  /* -- keys */

  const links = () => all(".st-shots:not([hidden]) .st-shot-code");
  const current = () => codeOf(holderOf(document.activeElement));

  const go = (step) => {
    const every = links();
    const place = every.indexOf(current());
    focusOn(every[place < 0 ? 0 : Math.min(Math.max(place + step, 0), every.length - 1)]);
  };

  const focusOn = (link) => {
    if (!link) return;
    link.focus({ preventScroll: true, focusVisible: true });
    holderOf(link).scrollIntoView({ block: "nearest" });
  };

  const middle = (element) => {
    const box = element.getBoundingClientRect();
    return { x: box.left + box.width / 2, y: box.top };
  };

  // The nearest shot of the row above or below, also in another scenelet.
  const goRow = (direction) => {
    const from = current();
    if (!from) return go(0);
    const here = middle(holderOf(from));
    const others = links()
      .map((link) => ({ link, ...middle(holderOf(link)) }))
      .filter((other) => (other.y - here.y) * direction > 4);
    if (!others.length) return undefined;
    const row = others.reduce((a, b) => ((b.y - a.y) * direction < 0 ? b : a)).y;
    const near = others.filter((other) => Math.abs(other.y - row) <= 4);
    focusOn(near.reduce((a, b) => (Math.abs(b.x - here.x) < Math.abs(a.x - here.x) ? b : a)).link);
    return undefined;
  };

  const press = (key) => one(`[data-key="${key}"]:enabled`)?.click();
  const selectCurrent = (isRange) => {
    const box = holderOf(current())?.querySelector("[data-select-shot]");
    if (!box) return;
    box.checked = !box.checked;
    selectTo(box, isRange);
    showSelection();
  };

  const actions = {
    j: () => go(1),
    k: () => go(-1),
    ArrowRight: () => go(document.dir === "rtl" ? -1 : 1),
    ArrowLeft: () => go(document.dir === "rtl" ? 1 : -1),
    ArrowDown: () => goRow(1),
    ArrowUp: () => goRow(-1),
    x: () => selectCurrent(false),
    X: () => selectCurrent(true),
    a: () => press("a"),
    t: () => press("t"),
    g: () => press("g"),
    m: () => setMuted(!isMuted),
    Escape: () => select(boxes(), false),
    "/": () => {
      one("[data-search]").focus();
      one("[data-search]").select();
    },
    "?": () => keys.showModal(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]")) return;
    const target = event.target;
    const more = one("[data-more]");
    if (event.key === "Escape" && more.open) {
      more.open = false;
      more.querySelector("summary").focus();
      return;
    }
    const types = target.matches("textarea, select, [contenteditable], input:not([type=checkbox])");
    if (types) {
      if (event.key === "Escape" && target.matches("[data-search]")) target.blur();
      return;
    }
    if (event.key === " " && target.matches(".st-shot-code")) {
      event.preventDefault();
      playShot(holderOf(target));
      return;
    }
    const isElsewhere = target !== document.body && !board.contains(target);
    if (isElsewhere && event.key.startsWith("Arrow")) return;
    // Until a shot has the focus, the arrow keys scroll the page.
    if (!current() && /^Arrow/.test(event.key)) return;
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });

  /* -- the player: one shot after the other, large and with sound */

  const video = reel.querySelector("video");
  const still = reel.querySelector("img");
  const none = reel.querySelector(".st-reel-none");
  const run = reel.querySelector('[data-reel="run"]');
  const mute = reel.querySelector('[data-reel="mute"]');
  const [name, place, text] = ["name", "place", "text"].map((each) => reel.querySelector(`[data-reel-${each}]`));
  let list = [];
  let at = 0;
  let stillTimer = 0;
  let runs = false;
  let isMuted = false;
  // A single shot stops at its end; a scenelet goes on.
  let goesOn = false;

  const setMuted = (on) => {
    isMuted = on;
    video.muted = on;
    mute.setAttribute("aria-pressed", String(on));
    announced.textContent = on ? "Muted." : "Sound is on.";
  };
  video.addEventListener("volumechange", () => {
    if (video.muted !== isMuted) setMuted(video.muted);
  });

  const setRuns = (on) => {
    runs = on;
    run.textContent = on ? "Pause" : "Play";
  };

  const playOn = () => {
    clearTimeout(stillTimer);
    if (!runs) return;
    if (list[at].video) video.play().catch(() => setRuns(false));
    else if (goesOn) stillTimer = setTimeout(() => show(at + 1), STILL_SECONDS * 1000);
  };

  const show = (number) => {
    clearTimeout(stillTimer);
    if (number >= list.length) return reel.close();
    at = Math.max(number, 0);
    const shot = list[at];
    [name.textContent, name.href, text.textContent] = [shot.name, shot.takes, shot.text];
    place.textContent = `${at + 1} of ${list.length}${shot.lacks}`;
    video.hidden = !shot.video;
    still.hidden = Boolean(shot.video) || !shot.still;
    none.hidden = Boolean(shot.video || shot.still);
    if (shot.video) {
      video.poster = shot.still || "";
      video.src = shot.video;
    } else {
      video.pause();
      if (shot.still) still.src = shot.still;
    }
    // The shot that is shown stands in the address.
    history.replaceState(null, "", `#${shot.code}`);
    playOn();
    return undefined;
  };

  const open = (holders, number, { usesSelected }) => {
    list = holders.map((holder) => {
      const { selected, video: newest, still: picture } = holder.querySelector(".st-frame").dataset;
      const link = codeOf(holder);
      const title = holder.closest(".st-scene").querySelector("h2").textContent.trim();
      const used = usesSelected ? selected : newest;
      return {
        code: holder.id,
        takes: link.href,
        video: used,
        still: picture || holder.querySelector(".st-frame-sheets img")?.src,
        lacks: used ? "" : newest ? ", no take selected" : ", no video yet",
        name: `${link.textContent} · ${title}`,
        text: holder.querySelector(".st-shot-text").textContent,
      };
    });
    // Nothing starts by itself for people who asked for less motion.
    goesOn = usesSelected;
    setRuns(!stillness.matches || !usesSelected);
    video.muted = isMuted;
    reel.showModal();
    show(number);
  };

  // Only selected takes, as in the story, although single shots may show other takes.
  const playScene = (scene) => open(all("[data-shot]", scene), 0, { usesSelected: true });
  const playShot = (holder) => {
    const holders = links().map(holderOf);
    open(holders, holders.indexOf(holder), { usesSelected: false });
  };

  board.addEventListener("click", (event) => {
    const frame = event.target.closest(".st-frame");
    if (!frame) return;
    if (event.shiftKey || event.ctrlKey || event.metaKey) {
      const box = holderOf(frame).querySelector("[data-select-shot]");
      box.checked = !box.checked || event.shiftKey;
      selectTo(box, event.shiftKey);
      showSelection();
    } else playShot(holderOf(frame));
  });

  video.addEventListener("ended", () => {
    if (goesOn) show(at + 1);
    else setRuns(false);
  });
  // The video's own controls work as well.
  video.addEventListener("play", () => setRuns(true));
  video.addEventListener("pause", () => {
    if (reel.open && !video.hidden && !video.ended) setRuns(false);
  });
  video.addEventListener("error", () => {
    if (reel.open && runs && goesOn && video.getAttribute("src")) stillTimer = setTimeout(() => show(at + 1), 1000);
  });
  reel.addEventListener("close", () => {
    clearTimeout(stillTimer);
    video.removeAttribute("src");
    video.removeAttribute("poster");
    video.load();
    focusOn(codeOf(document.getElementById(list[at]?.code)));
  });
  const runOrPause = () => {
    setRuns(!runs);
    if (!runs) video.pause();
    playOn();
  };
  run.addEventListener("click", runOrPause);
  mute.addEventListener("click", () => setMuted(!isMuted));
  reel.addEventListener("click", (event) => {
    const step = { before: -1, after: 1 }[event.target.dataset.reel];
    if (step) show(at + step);
    else if (event.target.dataset.reel === "close" || event.target === reel) reel.close();
  });
  reel.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { j: 1, ArrowRight: 1, k: -1, ArrowLeft: -1 }[event.key];
    if (step && !(event.target === video && event.key.startsWith("Arrow"))) show(at + step);
    else if (event.key === "m") setMuted(!isMuted);
    else if (event.key === " " && !event.target.closest("button, a")) runOrPause();
    else return;
    event.preventDefault();
  });

  /* -- start */

  begin();
  focusOn(codeOf(holderOf(document.getElementById(decodeURIComponent(location.hash.slice(1))))));
})();
