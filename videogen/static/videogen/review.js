// The review room. Without this file, every verdict leads to a page of the next take.
"use strict";

(() => {
  const room = document.querySelector("[data-room]");
  if (!room) return;
  const one = (name, holder = room) => holder.querySelector(`[data-${name}]`);
  const stage = one("stage");
  const video = stage.querySelector("video");
  const over = one("over");
  const says = one("says");
  const toast = one("toast");
  const undoForm = one("undo");
  const transport = one("transport");
  const seek = one("seek");
  const wipe = one("wipe");
  const marks = one("marks");
  const timeline = one("timeline");
  const keys = document.querySelector("[data-keys]");
  const empty = document.querySelector("[data-room-empty]");
  const tool = (name) => transport.querySelector(`[data-do="${name}"]`);
  const parts = {};
  for (const each of room.querySelectorAll("[data-part]")) parts[each.dataset.part] = each;
  const token = room.querySelector("[name=csrfmiddlewaretoken]").value;
  const verbs = ["approve", "select", "reject"];
  const stillness = matchMedia("(prefers-reduced-motion: reduce)");

  // A part of the queue: `start` is the place of its first take, `total` counts all that wait.
  let entries = [];
  let start = 0;
  let total = Number(room.dataset.waits);
  // The take that is shown, and its place among `entries`; -1 if it is not in the queue.
  let shown = null;
  let at = 0;
  const given = [];
  // Verdicts reach the server one after another, in the order of the keys.
  let sending = Promise.resolve();
  // How many verdicts are on their way, and how many the server did not take.
  let pending = 0;
  let refused = 0;
  let isLoading = null;
  let tab = "storyboard";

  /* -- the queue */

  const ask = async (query) => {
    const url = new URL(room.dataset.queueUrl, location.href);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const response = await fetch(url, { headers: { Accept: "application/json" } });
    if (!response.ok || response.redirected) throw new Error("The queue cannot be read.");
    return response.json();
  };

  // More of the queue at both ends, before the end is reached.
  const loadMore = () => {
    if (isLoading) return isLoading;
    const end = start + entries.length;
    const isBefore = at >= 0 && at < 3 && start > 0;
    if (!isBefore && (entries.length - at > 8 || end >= total)) return Promise.resolve();
    isLoading = sending
      .then(() => ask({ start: isBefore ? Math.max(start - 20, 0) : start + entries.length }))
      .then((part) => {
        total = part.total;
        const known = new Set(entries.map((each) => each.render));
        const fresh = part.entries.filter((each) => !known.has(each.render) && !isGiven(each.render));
        if (isBefore) {
          entries = [...fresh, ...entries];
          start = Math.max(start - fresh.length, 0);
          at += fresh.length;
        } else entries = [...entries, ...fresh];
        showCount();
      })
      .catch(() => {})
      .finally(() => {
        isLoading = null;
      });
    return isLoading;
  };

  // What somebody else has decided changes the queue in ways that only the server knows.
  const resync = async () => {
    const part = await ask(room.hidden ? { start: 0 } : { take: shown.render });
    // The take that is shown may be out of the queue by now.
    const queue = part.start < 0 ? await ask({ start: 0 }) : part;
    ({ entries, start, total } = queue);
    if (room.hidden) {
      at = 0;
      showNext();
      return;
    }
    at = entries.findIndex((each) => each.render === shown.render);
    if (isWriting()) {
      if (at >= 0) entries[at] = shown;
    } else {
      shown = entries[at] || part.entries[0] || shown;
      showParts();
    }
    showCount();
  };

  const isGiven = (render) => given.some((each) => each.removed.some(([, entry]) => entry.render === render));

  // What comes next is in the browser's cache before it is asked for: pictures whole, of the next
  // clip only its beginning.
  const ahead = document.createElement("video");
  ahead.preload = "metadata";
  ahead.muted = true;
  const prefetch = () => {
    for (const entry of entries.slice(at + 1, at + 4)) {
      if (entry.poster) new Image().src = entry.poster;
    }
    const next = entries[at + 1];
    if (next?.clip && ahead.getAttribute("src") !== next.clip) ahead.src = next.clip;
  };

  /* -- what is shown */

  const showCount = () => {
    const place = at >= 0 && shown === entries[at] ? `${start + at + 1} of ${total}` : `${total} to review`;
    one("room-count").textContent = place;
    room.dataset.waits = total;
  };

  const load = (clip, poster) => {
    const plays = !video.paused && Boolean(video.getAttribute("src"));
    stopReverse();
    if (poster) video.poster = poster;
    else video.removeAttribute("poster");
    video.src = clip;
    video.playbackRate = speed;
    if (plays) video.play().catch(() => {});
  };

  // What somebody has begun to write about a take stays until they come back to it.
  const drafts = new Map();
  const newNote = () => one("note-new");
  const keepDraft = () => {
    const form = newNote();
    if (form && parts.side.dataset.render) drafts.set(parts.side.dataset.render, [...new FormData(form)]);
  };
  const bringDraft = () => {
    const form = newNote();
    parts.side.dataset.render = shown.render;
    const kept = form ? drafts.get(String(shown.render)) || [] : [];
    for (const [name, value] of kept) {
      if (name !== "csrfmiddlewaretoken" && name !== "next") form.elements[name].value = value;
    }
  };

  const showParts = () => {
    keepDraft();
    for (const [name, part] of Object.entries(parts)) part.innerHTML = shown.parts[name];
    bringDraft();
    showTab(tab);
    showTimeline();
    drawMarks();
  };

  // While somebody writes what is wrong, no late answer may take the field away: the next letters
  // would be keys.
  const isWriting = () =>
    Boolean(one("reject")?.open) || Boolean(document.activeElement.closest("[data-note-form]"));

  const show = (entry, place) => {
    shown = entry;
    at = place;
    room.hidden = false;
    empty.hidden = true;
    room.dataset.render = entry.render;
    one("room-code").textContent = entry.code;
    one("room-place").firstElementChild.textContent = entry.place;
    video.setAttribute("aria-label", `${entry.code}, take ${entry.take}`);
    unpeek();
    setWipe(null);
    load(entry.clip, entry.poster);
    showParts();
    showCount();
    history.replaceState(null, "", addressOf(entry.render));
    prefetch();
    loadMore();
  };

  const addressOf = (render) => {
    const url = new URL(location.href);
    url.searchParams.delete("after");
    url.searchParams.set("take", render);
    return url;
  };

  const showNext = async () => {
    // All that is here was judged, and the rest is on its way.
    if (entries.length === 0 && total > 0) {
      // The verdict that led here is sent first.
      room.hidden = true;
      await null;
      try {
        const part = await sending.then(() => ask({ start: 0 }));
        ({ entries, start, total } = part);
        at = 0;
      } catch (error) {
        say(error.message);
        return;
      }
    }
    if (entries.length === 0) {
      video.pause();
      video.removeAttribute("src");
      video.load();
      room.hidden = true;
      empty.hidden = false;
      empty.querySelector("a").focus();
      return;
    }
    // At the end, what was passed over comes again.
    const next = at < entries.length ? Math.max(at, 0) : 0;
    show(entries[next], next);
  };

  const go = async (step) => {
    if (peeked) return unpeek(true);
    if (at + step >= entries.length || at + step < 0) await loadMore();
    if (isWriting()) return undefined;
    // A take that is not in the queue stands in front of the one that was shown before it.
    const to = shown === entries[at] ? at + step : step > 0 ? Math.max(at, 0) : at - 1;
    if (entries[to]) show(entries[to], to);
    else say(step > 0 ? "This is the last one." : "This is the first one.");
    return undefined;
  };

  const open = async (render) => {
    const place = entries.findIndex((each) => each.render === render);
    if (place >= 0) return show(entries[place], place);
    try {
      const [entry] = (await sending.then(() => ask({ take: render }))).entries.filter(
        (each) => each.render === render,
      );
      if (entry && !isWriting()) show(entry, at);
    } catch (error) {
      say(error.message);
    }
    return undefined;
  };

  let toastTimer = 0;
  const say = (words, code = "") => {
    toast.textContent = words;
    toast.dataset.toast = code;
    toast.hidden = false;
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => {
      toast.hidden = true;
    }, 6000);
  };

  const showTab = (name) => {
    const links = [...parts.side.querySelectorAll("[data-tab]")];
    const chosen = links.some((link) => link.dataset.tab === name) ? name : "storyboard";
    for (const link of links) {
      if (link.dataset.tab === chosen) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    for (const each of parts.side.querySelectorAll("[data-tabs]")) {
      each.hidden = !each.dataset.tabs.split(" ").includes(chosen);
    }
    for (const each of parts.side.querySelectorAll("[data-opens]")) each.open = chosen === "prompt";
    drawMarks();
  };

  parts.side.addEventListener("click", (event) => {
    const jump = event.target.closest("[data-jump]");
    if (jump && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      toFrame(Number(jump.dataset.jump));
      return;
    }
    const link = event.target.closest("[data-tab]");
    if (!link) return;
    event.preventDefault();
    tab = link.dataset.tab;
    showTab(tab);
  });

  /* -- verdicts */

  const post = async (url, body) => {
    const response = await fetch(url, {
      method: "POST",
      headers: { Accept: "application/json", "X-CSRFToken": token },
      body,
    });
    if (response.redirected || !response.headers.get("content-type")?.includes("json")) {
      throw new Error("Nothing was done. Load the page again: you may have to log in.");
    }
    const answer = await response.json();
    if (answer.waiting !== undefined) tellBar(answer.waiting);
    return { isDone: response.ok, isTold: response.status === 409, ...answer };
  };

  const inTurn = (url, body) => {
    pending += 1;
    return sending
      .then(() => post(url, body))
      .then(
        (answer) => {
          pending -= 1;
          if (!answer.isDone) refused += 1;
          return answer;
        },
        (error) => {
          pending -= 1;
          refused += 1;
          throw error;
        },
      );
  };

  // Whoever leaves the page waits for the verdicts that are on their way, and stays if one was refused.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (!link || !pending || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const before = refused;
    sending.then(() => {
      if (refused === before) location.assign(link.href);
    });
  });
  addEventListener("beforeunload", (event) => {
    if (pending) event.preventDefault();
  });

  const tellBar = (waiting) => {
    const place = document.querySelector(".st-bar [data-place=review] [data-number]");
    if (!place) return;
    [place.dataset.number, place.textContent, place.hidden] = [waiting, waiting, !waiting];
  };

  const urlOf = (render, verb) => {
    const url = new URL(room.dataset.queueUrl, location.href);
    return `${url.pathname.replace(/queue\/$/, "")}${render}/${verb}/${url.search}`;
  };

  const putBack = (removed) => {
    for (const [place, entry] of [...removed].reverse()) {
      entries.splice(Math.min(Math.max(place - start, 0), entries.length), 0, entry);
      total += 1;
    }
  };

  // The next take is shown at once; what the server says of the verdict comes later.
  const judge = (verb, form) => {
    if (peeked) return sayPeeked();
    const entry = shown;
    const body = new FormData(form || undefined);
    body.set("seen", entry.review);
    if (verb === "select") return select(entry, body);
    const isOut = (each) => each.render === entry.render || (verb === "approve" && each.shot === entry.shot);
    const removed = [];
    entries.forEach((each, place) => {
      if (isOut(each)) removed.push([start + place, each]);
    });
    const isQueued = removed.length > 0;
    const first = isQueued ? removed[0][0] - start : at;
    entries = entries.filter((each) => !isOut(each));
    total -= removed.length;
    const label = `${entry.code}, take ${entry.take}`;
    const words = `${label}: ${verb === "approve" ? "approved" : "rejected"}.`;
    const record = { render: entry.render, entry, removed, words };
    given.push(record);
    at = first;
    if (isQueued) showNext();
    tellUndo();
    sending = inTurn(urlOf(entry.render, verb), body)
      .then((answer) => {
        if (answer.isDone) {
          if (!isQueued) return open(entry.render);
          return undefined;
        }
        forget(record);
        say(answer.words, "refused");
        if (!isQueued) return open(entry.render);
        return resync();
      })
      .catch((error) => {
        forget(record);
        putBack(removed);
        say(`${label}: ${error.message}`);
        if (room.hidden && entries.length) showNext();
        showCount();
      });
    return undefined;
  };

  const forget = (record) => {
    if (given.includes(record)) given.splice(given.indexOf(record), 1);
    tellUndo();
  };

  // Select is no verdict: the take stays where it is.
  const select = (entry, body) => {
    if (entry.review === "selected" || entry.review === "approved") return say("The cut uses it already.");
    sending = inTurn(urlOf(entry.render, "select"), body)
      .then(async (answer) => {
        say(answer.words);
        if (!answer.isDone && !answer.isTold) return;
        if (answer.isDone) given.push({ render: entry.render, entry, removed: [], words: answer.words });
        await refresh(entry.shot);
        tellUndo();
      })
      .catch((error) => say(error.message));
    return undefined;
  };

  // Read what is kept of a shot's takes again.
  const refresh = async (shot) => {
    const stale = [...entries, shown].filter((each) => each.shot === shot);
    for (const each of new Set(stale)) {
      const part = await ask({ take: each.render });
      const fresh = part.entries.find((other) => other.render === each.render);
      if (fresh) Object.assign(each, fresh);
    }
    if (shown.shot === shot && !isWriting()) showParts();
  };

  const sayPeeked = () => say(`You are looking at ${peeked}. Esc goes back to ${shown.code}.`, "peeking");

  const tellUndo = () => {
    if (!undoForm) return;
    one("undo-words").textContent = given.at(-1)?.words || "";
    undoForm.hidden = !given.length;
  };

  const undo = () => {
    const record = given.pop();
    const kept = record ? urlOf(record.render, "undo") : undoForm?.getAttribute("action");
    if (!record && !undoForm?.hasAttribute("data-last")) return say("There is no verdict of yours to take back.");
    tellUndo();
    undoForm.removeAttribute("data-last");
    if (record?.removed.length) {
      // It is back at once; a refusal brings the queue up to date.
      putBack(record.removed);
      show(record.entry, entries.indexOf(record.entry));
    }
    sending = inTurn(kept, new FormData())
      .then((answer) => {
        say(answer.words);
        if (!record) return answer.isDone ? open(Number(kept.match(/(\d+)\/undo\//)[1])) : undefined;
        if (!record.removed.length) return refresh(record.entry.shot);
        return answer.isDone ? undefined : resync();
      })
      .catch((error) => say(error.message));
    return undefined;
  };

  const reject = () => {
    const panel = one("reject");
    if (peeked) return sayPeeked();
    if (!panel) {
      const isApproved = parts.verdict.querySelector("[data-approved]");
      return say(mayNot() || (isApproved ? "It is approved. Unlock it first." : "It is rejected already."));
    }
    panel.open = true;
    rejectAt = performance.now();
    panel.querySelector("input[type=text]").focus();
    return undefined;
  };
  // R twice within this time rejects without words; later, it is a letter of the sentence.
  const TWICE = 600;
  let rejectAt = -TWICE;

  room.addEventListener("submit", (event) => {
    if (event.target === undoForm) {
      event.preventDefault();
      undo();
    } else if (event.target.matches("[data-note-form]")) {
      event.preventDefault();
      sendNote(event.target);
    } else if (event.target.matches("[data-verdict]")) {
      event.preventDefault();
      judge(event.submitter?.dataset.verb || event.target.querySelector("[data-verb]").dataset.verb, event.target);
    }
  });

  /* -- the player */

  const RATES = [1, 0.5, 0.25, 2];
  let speed = 1;
  let reverse = 0;
  let reverseBy = 0;

  const clock = (seconds) => {
    const fps = Math.round(shown?.fps || 24);
    const frames = Math.floor((seconds % 1) * fps + 0.001);
    return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}.${String(frames).padStart(2, "0")}`;
  };
  const lengthOf = () => (Number.isFinite(video.duration) ? video.duration : 0);
  const showClock = () => {
    one("clock").textContent = clock(video.currentTime);
    seek.value = video.currentTime;
    seek.setAttribute("aria-valuetext", `${video.currentTime.toFixed(1)} of ${lengthOf().toFixed(1)} seconds`);
    follow();
    drawMarks();
  };
  const toTime = (time) => {
    video.currentTime = Math.min(Math.max(time, 0), lengthOf());
  };
  const stopReverse = () => {
    cancelAnimationFrame(reverse);
    reverse = 0;
    reverseBy = 0;
  };
  const play = () => {
    stopReverse();
    video.play().catch(() => {});
  };
  const pause = () => {
    stopReverse();
    video.pause();
  };
  const step = (frames) => {
    pause();
    toTime(video.currentTime + frames / (shown?.fps || 24));
  };
  const backwards = () => {
    video.pause();
    reverseBy = Math.min(reverseBy ? reverseBy * 2 : 1, 4);
    cancelAnimationFrame(reverse);
    let last = performance.now();
    const tick = (now) => {
      if (!video.seeking) {
        toTime(video.currentTime - ((now - last) / 1000) * reverseBy);
        last = now;
      }
      if (video.currentTime > 0) reverse = requestAnimationFrame(tick);
      else stopReverse();
    };
    reverse = requestAnimationFrame(tick);
  };
  const forwards = () => {
    if (!video.paused) setSpeed(speed >= 2 ? 2 : speed * 2);
    play();
  };
  const setSpeed = (rate) => {
    speed = rate;
    video.playbackRate = rate;
    tool("speed").textContent = `${rate}×`;
  };

  const actionsOfTools = {
    play: () => (video.paused ? play() : pause()),
    speed: () => setSpeed(RATES[(RATES.indexOf(speed) + 1) % RATES.length]),
    loop: () => {
      video.loop = !video.loop;
      tool("loop").setAttribute("aria-pressed", String(video.loop));
    },
    wipe: () => cycleWipe(),
    note: () => writeNote(),
    mute: () => {
      video.muted = !video.muted;
    },
    keys: () => keys.showModal(),
  };
  transport.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button) actionsOfTools[button.dataset.do]();
  });
  const showPlaying = () => {
    tool("play").textContent = video.paused ? "▶" : "❚❚";
    tool("play").setAttribute("aria-label", video.paused ? "Play" : "Pause");
  };
  for (const name of ["play", "pause", "emptied"]) video.addEventListener(name, showPlaying);
  video.addEventListener("timeupdate", showClock);
  video.addEventListener("seeked", showClock);
  video.addEventListener("volumechange", () => tool("mute").setAttribute("aria-pressed", String(video.muted)));
  video.addEventListener("loadedmetadata", () => {
    seek.max = lengthOf();
    marks.setAttribute("viewBox", `0 0 ${video.videoWidth || 16} ${video.videoHeight || 9}`);
    showTimeline();
    one("length").textContent = clock(lengthOf()).slice(0, -3);
    video.playbackRate = speed;
    showClock();
  });
  video.addEventListener("click", () => actionsOfTools.play());
  seek.addEventListener("input", () => {
    pause();
    toTime(Number(seek.value));
  });

  // What the technical check has found: the player jumps there.
  parts.checks.addEventListener("click", (event) => {
    const link = event.target.closest("[data-at]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    pause();
    const to = Number(link.dataset.at);
    const wasPeeked = Boolean(peeked);
    unpeek(true);
    if (!wasPeeked && video.readyState > 0) toTime(to);
    else {
      video.addEventListener("loadedmetadata", () => toTime(to), { once: true });
      if (!wasPeeked) video.load();
    }
  });

  /* -- notes: on the timeline, on the picture, and new ones */

  const SVG = "http://www.w3.org/2000/svg";
  const shape = (name, values) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
    return made;
  };
  const fpsOf = () => shown?.fps || 24;
  // The frame that is on the screen.
  const frameNow = () => Math.floor(video.currentTime * fpsOf() + 0.01);
  const toFrame = (frame) => {
    if (peeked) unpeek(true);
    pause();
    // Into the middle of the frame: its beginning may be shown as the one before.
    const time = (frame + 0.5) / fpsOf();
    if (video.readyState) toTime(time);
    else video.addEventListener("loadedmetadata", () => toTime(time), { once: true });
  };
  const timecode = (frame) => {
    const rate = Math.max(1, Math.round(fpsOf()));
    const seconds = Math.floor(frame / rate);
    const two = (number) => String(number).padStart(2, "0");
    return `${Math.floor(seconds / 60)}:${two(seconds % 60)}.${two(frame % rate)}`;
  };

  const showTimeline = () => {
    timeline.replaceChildren();
    const frames = lengthOf() * fpsOf();
    if (!frames || peeked) return;
    for (const note of shown?.notes || []) {
      const at = Math.min(Math.max((1000 * (note.frame + 0.5)) / frames - 3, 0), 994);
      timeline.append(shape("rect", { x: at, y: 0, width: 6, height: 6, class: note.isOpen ? "" : "st-mark-done" }));
    }
  };

  // A point or a box, in fractions of the picture, whatever the size of the window.
  const shapeOf = (area) => {
    const box = marks.viewBox.baseVal;
    if (!box) return null;
    const [x, y] = [area.x * box.width, area.y * box.height];
    if (area.width) return shape("rect", { x, y, width: area.width * box.width, height: area.height * box.height });
    return shape("circle", { cx: x, cy: y, r: Math.max(box.width, box.height) / 40 });
  };
  let drawn = null;
  const drawMarks = () => {
    marks.replaceChildren();
    marks.classList.toggle("st-marks--drawing", isDrawing());
    if (peeked) return;
    const near = (note) => note.x !== null && Math.abs(note.frame - frameNow()) <= fpsOf() / 2;
    const areas = (shown?.notes || []).filter((note) => video.paused && near(note));
    if (isDrawing()) {
      const own = areaOf(newNote());
      if (own) areas.push(own);
    }
    for (const area of areas) {
      const made = shapeOf(area);
      if (made) marks.append(made);
    }
  };
  const AREA = ["x", "y", "width", "height"];
  const areaOf = (form) => {
    if (!form || form.elements.x.value === "") return null;
    return Object.fromEntries(AREA.map((name) => [name, Number(form.elements[name].value)]));
  };
  const setArea = (form, area) => {
    for (const name of AREA) form.elements[name].value = area?.[name] ?? "";
    const place = form.querySelector("[data-note-place]");
    place.hidden = !area;
    place.textContent = area?.width ? "with the box on the picture" : "with the point on the picture";
    drawMarks();
  };
  // Whoever looks at the notes may draw, until they play on.
  const isDrawing = () => {
    const form = newNote();
    return Boolean(form && video.paused && !peeked && !form.closest("[hidden]"));
  };

  const writeNote = () => {
    const form = newNote();
    if (!form) return say("You may look at notes, and not write any.");
    if (peeked) unpeek(true);
    pause();
    tab = "notes";
    showTab(tab);
    form.elements.time.value = timecode(frameNow());
    form.elements.text.focus();
    return undefined;
  };

  // Whoever begins to write without the key means the frame that they see.
  parts.side.addEventListener("focusin", (event) => {
    const form = event.target.closest("[data-note-new]");
    if (!form || event.target.name !== "text" || peeked) return;
    if (form.elements.time.value === form.elements.time.defaultValue) form.elements.time.value = timecode(frameNow());
  });

  const pointAt = (event) => {
    const box = marks.viewBox.baseVal;
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(marks.getScreenCTM().inverse());
    const within = (value) => Math.min(Math.max(value, 0), 1);
    return { x: within(at.x / box.width), y: within(at.y / box.height) };
  };
  // Smaller than this, a drag is a click.
  const SMALLEST = 0.01;
  marks.addEventListener("pointerdown", (event) => {
    if (!isDrawing() || event.button) return;
    event.preventDefault();
    marks.setPointerCapture(event.pointerId);
    drawn = pointAt(event);
    const form = newNote();
    form.elements.time.value = timecode(frameNow());
    setArea(form, { ...drawn });
  });
  marks.addEventListener("pointermove", (event) => {
    if (!drawn || !newNote()) return;
    const to = pointAt(event);
    const [width, height] = [Math.abs(to.x - drawn.x), Math.abs(to.y - drawn.y)];
    const isBox = width > SMALLEST && height > SMALLEST;
    setArea(newNote(), isBox ? { x: Math.min(to.x, drawn.x), y: Math.min(to.y, drawn.y), width, height } : { ...drawn });
  });
  for (const name of ["pointerup", "pointercancel"]) {
    marks.addEventListener(name, () => {
      if (!drawn) return;
      drawn = null;
      newNote()?.elements.text.focus();
    });
  }

  const sendNote = (form) => {
    const entry = shown;
    const body = new FormData(form);
    const isNew = form.matches("[data-note-new]");
    sending = inTurn(form.getAttribute("action"), body)
      .then(async (answer) => {
        say(answer.words);
        if (!answer.isDone) return;
        drafts.delete(String(entry.render));
        // What was sent is no draft any more; a reply leaves the new note as it is.
        if (form.isConnected && isNew) {
          form.reset();
          for (const field of AREA) form.elements[field].value = "";
        } else if (form.isConnected) form.reset();
        if (document.activeElement.closest("[data-note-form]")) document.activeElement.blur();
        await refresh(entry.shot);
      })
      .catch((error) => say(error.message));
  };
  for (const name of ["play", "pause"]) video.addEventListener(name, () => drawMarks());

  /* -- the wipe: another take, or the key frame, over a part of the picture */

  let wiped = null;
  const wipes = () => {
    const found = [];
    if (shown?.other) found.push({ words: shown.other.words, clip: shown.other.clip, poster: shown.other.poster });
    if (shown?.frame) found.push({ words: "key frame", picture: shown.frame });
    return found;
  };
  const cycleWipe = () => {
    const found = wipes();
    if (!found.length) return say("There is neither another take nor a key frame to compare with.");
    const place = wiped ? found.findIndex((each) => each.words === wiped.words) + 1 : 0;
    return setWipe(found[place] || null);
  };
  const setWipe = (what) => {
    wiped = what;
    over.replaceChildren();
    over.hidden = wipe.hidden = !what;
    tool("wipe").setAttribute("aria-pressed", String(Boolean(what)));
    one("wipe-words").textContent = what ? `wipe: ${what.words.toLowerCase()}` : "wipe";
    if (!what) return;
    const picture = document.createElement(what.clip ? "video" : "img");
    if (what.clip) {
      Object.assign(picture, { muted: true, preload: "metadata", poster: what.poster, src: what.clip, playsInline: true });
      picture.addEventListener("loadedmetadata", follow);
    } else Object.assign(picture, { src: what.picture, alt: "" });
    over.append(picture);
    placeWipe();
  };
  const placeWipe = () => {
    over.style.clipPath = `inset(0 0 0 ${wipe.value}%)`;
  };
  // The other take stands where this one does. Nobody sees a smaller difference than this.
  const DRIFT = 0.08;
  const follow = () => {
    const other = over.querySelector("video");
    if (!other || other.seeking) return;
    if (video.paused !== other.paused) {
      if (video.paused) other.pause();
      else other.play().catch(() => {});
    }
    other.playbackRate = video.playbackRate;
    if (Math.abs(other.currentTime - video.currentTime) > (video.paused ? 0.001 : DRIFT)) {
      other.currentTime = video.currentTime;
    }
  };
  for (const name of ["play", "pause"]) video.addEventListener(name, () => follow());
  wipe.addEventListener("input", placeWipe);

  /* -- the filmstrip, and the shots beside this one */

  let peeked = "";
  const peek = (side) => {
    const link = parts.strip.querySelector(`[data-beside="${side}"]`);
    if (!link) return say(side === "before" ? "No take stands before it." : "No take comes after it.");
    if (peeked === link.dataset.code) return unpeek(true);
    setWipe(null);
    peeked = link.dataset.code;
    says.textContent = `${peeked} · ${side}`;
    says.dataset.says = side;
    says.hidden = false;
    load(link.dataset.clip, link.dataset.poster);
    drawMarks();
    return undefined;
  };
  const unpeek = (isBack = false) => {
    if (!peeked) return;
    peeked = "";
    says.hidden = true;
    if (isBack) load(shown.clip, shown.poster);
  };
  parts.strip.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (link.dataset.beside) peek(link.dataset.beside);
    else if (Number(link.dataset.take) === shown.render) unpeek(true);
    else open(Number(link.dataset.take));
  });
  for (const [name, by] of [["previous", -1], ["next", 1]]) {
    const link = room.querySelector(`[data-go="${name}"]`);
    // The queue goes on where the page that the server made had nothing more.
    if (!link.hasAttribute("href")) link.href = location.href;
    link.removeAttribute("aria-disabled");
    link.addEventListener("click", (event) => {
      event.preventDefault();
      go(by);
    });
  }

  /* -- keys */

  // A key that cannot do its work says why.
  const click = (selector, otherwise) => {
    const target = parts.verdict.querySelector(selector);
    if (peeked) sayPeeked();
    else if (target) target.click();
    else say(mayNot() || otherwise);
  };
  const mayNot = () => parts.verdict.querySelector("[data-may-not]")?.textContent || "";
  const actions = {
    a: () => click("[data-verb=approve]", "It is approved already."),
    r: reject,
    t: () =>
      click(
        "[data-retake-link]",
        parts.verdict.querySelector("[data-approved]")
          ? "It is approved. Unlock it first, then ask for a retake."
          : "You may not ask for retakes: they cost money.",
      ),
    s: () => click("[data-verb=select]:enabled", "The cut uses the approved or the selected take."),
    n: () => go(1),
    p: () => go(-1),
    z: undo,
    c: cycleWipe,
    j: backwards,
    k: pause,
    l: forwards,
    m: actionsOfTools.mute,
    w: writeNote,
    " ": actionsOfTools.play,
    ",": () => step(-1),
    ".": () => step(1),
    ArrowLeft: () => step(-1),
    ArrowRight: () => step(1),
    f: () => (document.fullscreenElement ? document.exitFullscreen() : stage.requestFullscreen().catch(() => {})),
    "[": () => peek("before"),
    "]": () => peek("after"),
    "?": () => keys.showModal(),
    Escape: () => {
      unpeek(true);
      setWipe(null);
    },
  };

  document.addEventListener("keydown", (event) => {
    const note = event.target.closest("[data-note-form]");
    if (note && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      note.requestSubmit();
      return;
    }
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || keys.open) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const panel = event.target.closest("[data-reject]");
    if (panel && key === "Escape") {
      panel.open = false;
      document.activeElement.blur();
      event.preventDefault();
      return;
    }
    if (panel && key === "Enter" && event.target.matches("input")) {
      event.preventDefault();
      panel.querySelector("form").requestSubmit();
      return;
    }
    if (note && key === "Escape") {
      document.activeElement.blur();
      event.preventDefault();
      return;
    }
    const field = event.target.closest("textarea, select, input:not([type=range], [type=checkbox])");
    if (field) {
      const isTwice = panel && key === "r" && !field.value && performance.now() - rejectAt < TWICE;
      if (!isTwice) return;
      event.preventDefault();
      panel.querySelector("form").requestSubmit();
      return;
    }
    if (key === " " && event.target.closest("button, a, summary, input")) return;
    if (key.startsWith("Arrow") && event.target.closest("input")) return;
    if (room.hidden && key !== "z") return;
    const action = actions[key];
    if (!action || (event.repeat && ![",", ".", "ArrowLeft", "ArrowRight"].includes(key))) return;
    event.preventDefault();
    action();
  });

  /* -- start */

  video.controls = false;
  transport.hidden = false;
  showTab(tab);
  // The take that the server has shown becomes one of the queue.
  ask({ take: room.dataset.render })
    .then((part) => {
      ({ entries, start, total } = part);
      at = entries.findIndex((each) => each.render === Number(room.dataset.render));
      shown = entries[at] || part.entries[0];
      if (part.start < 0) {
        // It is not in the queue, which begins behind it.
        entries = [];
        start = 0;
        at = -1;
        return ask({ start: 0 }).then((queue) => {
          entries = queue.entries;
          total = queue.total;
        });
      }
      return undefined;
    })
    .then(() => {
      parts.side.dataset.render = shown?.render ?? "";
      showCount();
      showTimeline();
      drawMarks();
      prefetch();
      loadMore();
      room.dataset.ready = "";
    })
    .catch((error) => say(error.message));
  if (stillness.matches) video.loop = false;
})();
