/* Board, first page and list of shots: clips that play over their picture, selecting, keys, and the
   player that shows a scenelet in order. Whatever costs money also works without this file.

   One clip plays at a time, in one <video> that moves from picture to picture, so that a page of
   many hundred shots loads none before somebody looks at one. */

"use strict";

(() => {
  const HOVER_WAIT = 140;
  const FOCUS_WAIT = 450;
  const STILL_SECONDS = 3;

  const stillness = matchMedia("(prefers-reduced-motion: reduce)");
  const holderOf = (target) => (target instanceof Element ? target.closest("[data-shot]") : null);
  const frameOf = (holder) => holder?.querySelector(".st-frame");

  /* -- the clip over a picture */

  const clip = document.createElement("video");
  clip.className = "st-clip";
  clip.preload = "none";
  clip.loop = true;
  clip.playsInline = true;
  clip.tabIndex = -1;
  clip.setAttribute("aria-hidden", "true");
  clip.addEventListener("playing", () => clip.classList.add("st-clip--on"));

  let shown = null;
  let timer = 0;

  const stop = () => {
    clearTimeout(timer);
    if (!shown) return;
    shown = null;
    clip.pause();
    clip.classList.remove("st-clip--on");
    clip.removeAttribute("src");
    clip.load();
    clip.remove();
  };

  const play = (holder, { sound = false } = {}) => {
    const source = frameOf(holder)?.dataset.video;
    if (shown === holder) return;
    stop();
    if (!source) return;
    shown = holder;
    clip.muted = !sound;
    clip.src = source;
    holder.append(clip);
    clip.play().catch(() => {});
  };

  const playSoon = (holder, wait) => {
    clearTimeout(timer);
    if (stillness.matches || !holder || holder === shown) return;
    timer = setTimeout(() => play(holder), wait);
  };

  const toggle = (holder) => {
    if (shown !== holder) play(holder, { sound: true });
    else if (clip.paused) clip.play().catch(() => {});
    else clip.pause();
  };

  document.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch") return;
    const holder = holderOf(event.target);
    if (holder && holder !== holderOf(event.relatedTarget)) playSoon(holder, HOVER_WAIT);
  });
  document.addEventListener("pointerout", (event) => {
    const holder = holderOf(event.target);
    if (event.pointerType === "touch" || !holder || holder === holderOf(event.relatedTarget)) return;
    clearTimeout(timer);
    if (holder === shown && !holder.contains(document.activeElement)) stop();
  });
  document.addEventListener("focusin", (event) => {
    if (event.target.matches?.(":focus-visible")) playSoon(holderOf(event.target), FOCUS_WAIT);
  });
  document.addEventListener("focusout", (event) => {
    const holder = holderOf(event.target);
    if (holder && holder !== holderOf(event.relatedTarget)) {
      clearTimeout(timer);
      if (holder === shown) stop();
    }
  });

  const board = document.querySelector("[data-board]");
  if (!board) return;

  // A touch or a click on the picture plays the clip with sound. The name below links to the takes.
  board.addEventListener("click", (event) => {
    const frame = event.target.closest(".st-frame");
    if (frame) toggle(holderOf(frame));
  });

  /* -- selecting */

  const form = board.querySelector("[data-board-form]");
  const boxes = (root = board) => [...root.querySelectorAll("[data-select-shot]")];
  const count = board.querySelector("[data-selected-count]");
  const buttons = [...board.querySelectorAll("[data-with-selection]")];
  const all = board.querySelector("[data-select-all]");

  const showSelection = () => {
    if (!buttons.length) return;
    const every = boxes();
    const number = every.filter((box) => box.checked).length;
    count.textContent = number ? `${number} selected` : "Select shots, or whole scenelets.";
    for (const button of buttons) button.disabled = number === 0;
    all.hidden = every.length === 0;
    all.textContent = number === every.length ? "Select none" : "Select all";
    for (const scene of board.querySelectorAll("[data-select-scene]")) {
      const mine = boxes(scene.closest(".st-scene"));
      const checked = mine.filter((box) => box.checked).length;
      scene.checked = checked === mine.length;
      scene.indeterminate = checked > 0 && checked < mine.length;
    }
  };

  const selectAll = (some, checked) => {
    for (const box of some) box.checked = checked;
    showSelection();
  };

  board.addEventListener("change", (event) => {
    if (event.target.matches("[data-select-scene]")) {
      selectAll(boxes(event.target.closest(".st-scene")), event.target.checked);
    } else if (event.target.matches("[data-select-shot]")) showSelection();
  });

  // With the shift key, all boxes between the last one and this one.
  let last = null;
  board.addEventListener("click", (event) => {
    if (!event.target.matches("[data-select-shot]")) return;
    const every = boxes();
    if (event.shiftKey && last) {
      const [from, to] = [every.indexOf(last), every.indexOf(event.target)].sort((a, b) => a - b);
      selectAll(every.slice(Math.max(from, 0), to + 1), event.target.checked);
    }
    last = event.target;
  });
  all?.addEventListener("click", () => {
    const every = boxes();
    selectAll(every, !every.every((box) => box.checked));
  });

  // One field with all ids, for servers refuse forms with thousands of fields.
  form?.addEventListener("formdata", (event) => {
    const ids = event.formData.getAll("shot");
    event.formData.delete("shot");
    event.formData.delete("scenelet");
    event.formData.set("shots", ids.join(","));
  });
  // When a person comes back from the plan, the browser has ticked the boxes again.
  addEventListener("pageshow", showSelection);
  showSelection();

  /* -- keys */

  const links = () => [...board.querySelectorAll(".st-shot-code")];
  const keys = document.getElementById("st-keys");
  const reel = document.getElementById("st-reel");

  const current = () => holderOf(document.activeElement)?.querySelector(".st-shot-code");

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

  const actions = {
    j: () => go(1),
    k: () => go(-1),
    ArrowRight: () => go(1),
    ArrowLeft: () => go(-1),
    ArrowDown: () => goRow(1),
    ArrowUp: () => goRow(-1),
    x: () => holderOf(current())?.querySelector("[data-select-shot]")?.click(),
    "?": () => keys.showModal(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]")) return;
    const target = event.target;
    const types = target.matches("textarea, select, [contenteditable], input:not([type=checkbox])");
    if (types) return;
    if (event.key === " " && target.matches(".st-shot-code")) {
      event.preventDefault();
      toggle(holderOf(target));
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

  for (const button of board.querySelectorAll("[data-show-keys]")) {
    button.hidden = false;
    button.addEventListener("click", () => keys.showModal());
  }

  /* -- the player that shows all shots of a scenelet */

  const video = reel.querySelector("video");
  const still = reel.querySelector("img");
  const none = reel.querySelector(".st-reel-none");
  const run = reel.querySelector('[data-reel="run"]');
  const [name, place, text] = ["name", "place", "text"].map((each) => reel.querySelector(`[data-reel-${each}]`));
  let list = [];
  let at = 0;
  let stillTimer = 0;
  let runs = false;

  const setRuns = (on) => {
    runs = on;
    run.textContent = on ? "Pause" : "Play";
  };

  const goOn = () => {
    clearTimeout(stillTimer);
    if (!runs) return;
    if (list[at].video) video.play().catch(() => {});
    else stillTimer = setTimeout(() => show(at + 1), STILL_SECONDS * 1000);
  };

  const show = (number) => {
    clearTimeout(stillTimer);
    if (number >= list.length) return reel.close();
    at = Math.max(number, 0);
    const shot = list[at];
    [name.textContent, text.textContent] = [shot.name, shot.text];
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
    goOn();
    return undefined;
  };

  // Only selected takes, as in the story, although pictures may play other takes under the pointer.
  const start = (scene) => {
    stop();
    const title = scene.querySelector("h2").textContent;
    list = [...scene.querySelectorAll("[data-shot]")].map((holder) => {
      const { selected, video: newest, still: picture } = frameOf(holder).dataset;
      return {
        video: selected,
        still: picture,
        lacks: selected ? "" : newest ? ", no take selected" : ", no video yet",
        name: `${holder.querySelector(".st-shot-code").textContent} · ${title}`,
        text: holder.querySelector(".st-shot-text").textContent,
      };
    });
    // Nothing starts by itself for people who asked for less motion.
    setRuns(!stillness.matches);
    reel.showModal();
    show(0);
  };

  video.addEventListener("ended", () => show(at + 1));
  // The video's own controls work as well.
  video.addEventListener("play", () => setRuns(true));
  video.addEventListener("pause", () => {
    if (reel.open && !video.hidden && !video.ended) setRuns(false);
  });
  video.addEventListener("error", () => {
    if (reel.open && runs && video.getAttribute("src")) stillTimer = setTimeout(() => show(at + 1), 1000);
  });
  reel.addEventListener("close", () => {
    clearTimeout(stillTimer);
    video.removeAttribute("src");
    video.removeAttribute("poster");
    video.load();
  });
  run.addEventListener("click", () => {
    setRuns(!runs);
    if (!runs) video.pause();
    goOn();
  });
  reel.addEventListener("click", (event) => {
    const step = { before: -1, after: 1 }[event.target.dataset.reel];
    if (step) show(at + step);
    else if (event.target.dataset.reel === "close" || event.target === reel) reel.close();
  });
  reel.addEventListener("keydown", (event) => {
    const step = { j: 1, ArrowRight: 1, k: -1, ArrowLeft: -1 }[event.key];
    if (!step || (event.target === video && event.key.startsWith("Arrow"))) return;
    event.preventDefault();
    show(at + step);
  });

  for (const button of board.querySelectorAll("[data-play-scene]")) {
    button.hidden = false;
    button.addEventListener("click", () => start(button.closest(".st-scene")));
  }
})();
