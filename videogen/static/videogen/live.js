/* What our pages do beyond HTML. Every page also works without this file.

   Live parts: an element with data-live-url is kept up to date. The address answers
     {"active": true, "title": "(3/8) …", "parts": {"key": "<html>"}, "since": "…"}
   Each part replaces the element with its key in data-live-key. If the HTML of a part has the key
   itself, the whole element is replaced, and the new one has data-arrived; otherwise its content is
   replaced. A part that somebody is using (it has the focus, a playing video or a field that was
   filled in) is replaced as soon as they leave it. "title" and "since" may be missing. "since" is
   sent with the next request, so that the server can answer with the parts that changed; the first
   value is data-live-since. "active": false ends the updates.

   An element with data-trouble="2 failed" puts these words before the page's title, and the icon of
   the tab shows that there is trouble. Without trouble, an element with data-work="3" makes it the
   icon of work: three renders are on their way.

   <time data-elapsed="ISO time"> counts up. <video data-hover-play> plays, muted, while the pointer
   or the focus is on it or on the element around it that has data-hover-area.
   <details data-load="address"> fetches its content when it is opened. */

"use strict";

(() => {
  const FIRST_WAIT = 3000;
  const LONGEST_WAIT = 60000;

  const parse = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html.trim();
    return template.content;
  };

  /* Compare without what always differs: clocks, opened <details>, and the tokens of forms. */
  const essence = (html) => {
    const content = parse(html);
    content.querySelectorAll("[data-elapsed]").forEach((clock) => { clock.textContent = ""; });
    content.querySelectorAll("details[open]").forEach((each) => each.removeAttribute("open"));
    content.querySelectorAll("[name=csrfmiddlewaretoken]").forEach((token) => token.remove());
    const box = document.createElement("div");
    box.append(content);
    return box.innerHTML.replace(/>\s+/g, ">").replace(/\s+</g, "<");
  };

  const nameOf = (details) => details.querySelector("summary")?.textContent.trim();
  const unfoldedIn = (element) =>
    new Set([...element.querySelectorAll("details[open]")].map(nameOf));

  class Live {
    constructor(root) {
      this.root = root;
      this.url = root.dataset.liveUrl;
      this.wait = FIRST_WAIT;
      this.active = true;
      this.since = root.dataset.liveSince || "";
      this.timer = 0;
      this.asking = false;
      this.shown = new Map();
      this.waiting = new Map();
      document.addEventListener("visibilitychange", () => {
        if (document.hidden) clearTimeout(this.timer);
        else if (this.active) {
          this.wait = FIRST_WAIT;
          this.plan(0);
        }
      });
      // A script has replaced the parts by those of another address.
      root.addEventListener("live:replaced", () => {
        this.url = root.dataset.liveUrl;
        this.since = root.dataset.liveSince || "";
        this.shown.clear();
        this.waiting.clear();
        this.active = true;
        this.wait = FIRST_WAIT;
        this.plan(this.wait);
        tick();
        tellTheTab();
      });
      this.plan(this.wait);
    }

    plan(wait) {
      clearTimeout(this.timer);
      if (!document.hidden) this.timer = setTimeout(() => this.ask(), wait);
    }

    async ask() {
      if (this.asking) return;
      this.asking = true;
      try {
        const address = new URL(this.url, location.href);
        if (this.since) address.searchParams.set("since", this.since);
        const response = await fetch(address, {
          credentials: "same-origin",
          headers: { Accept: "application/json" },
          signal: AbortSignal.timeout(30000),
        });
        if (!response.ok || response.redirected) throw new Error(`status ${response.status}`);
        const answer = await response.json();
        const changed = this.take(answer);
        this.wait = changed ? FIRST_WAIT : Math.min(this.wait * 1.5, LONGEST_WAIT);
        this.note("");
      } catch {
        this.wait = Math.min(this.wait * 1.5, LONGEST_WAIT);
        const at = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
        this.note(`Not updated at ${at}: the server does not answer as it should. Trying again.`);
      } finally {
        this.asking = false;
      }
      if (this.active) this.plan(this.wait);
    }

    /* Returns whether anything was new. */
    take(answer) {
      let changed = false;
      if (answer.title && answer.title !== title) {
        title = answer.title;
        changed = true;
      }
      for (const [key, html] of Object.entries(answer.parts || {})) {
        if (this.offer(key, html)) changed = true;
      }
      this.since = answer.since || "";
      this.active = Boolean(answer.active);
      if (this.waiting.size) this.later();
      tellTheTab();
      return changed;
    }

    element(key) {
      const selector = `[data-live-key="${CSS.escape(key)}"]`;
      return this.root.matches(selector) ? this.root : this.root.querySelector(selector);
    }

    offer(key, html) {
      const element = this.element(key);
      if (!element) return false;
      const part = parse(html);
      const isWhole = part.childElementCount === 1
        && part.firstElementChild.dataset.liveKey === key;
      const now = essence(html);
      const before = this.shown.has(key)
        ? this.shown.get(key)
        : essence(isWhole ? element.outerHTML : element.innerHTML);
      this.shown.set(key, before);
      if (now === before) {
        this.waiting.delete(key);
        return false;
      }
      if (isInUse(element)) {
        this.waiting.set(key, html);
        return true;
      }
      const unfolded = unfoldedIn(element);
      part.querySelectorAll("details").forEach((each) => {
        if (unfolded.has(nameOf(each))) each.open = true;
      });
      if (isWhole) {
        part.firstElementChild.dataset.arrived = "";
        element.replaceWith(part);
      } else element.replaceChildren(part);
      this.shown.set(key, now);
      this.waiting.delete(key);
      tick();
      return true;
    }

    /* A part that was in use is replaced as soon as the person leaves it. */
    later() {
      if (this.laterTimer) return;
      this.laterTimer = setInterval(() => {
        for (const [key, html] of [...this.waiting]) this.offer(key, html);
        tellTheTab();
        if (!this.waiting.size) {
          clearInterval(this.laterTimer);
          this.laterTimer = 0;
        }
      }, 1000);
    }

    note(sentence) {
      let note = this.root.querySelector("[data-live-note]");
      if (!note) {
        if (!sentence) return;
        note = document.createElement("p");
        note.className = "st-quiet st-live-note";
        note.dataset.liveNote = "";
        this.root.prepend(note);
      }
      note.textContent = sentence;
      note.hidden = !sentence;
    }
  }

  const isInUse = (element) => {
    if (element.contains(document.activeElement) && document.activeElement !== document.body) {
      return true;
    }
    if ([...element.querySelectorAll("input, textarea")].some(isFilledIn)) return true;
    const videos = element.matches("video") ? [element] : [...element.querySelectorAll("video")];
    return videos.some((video) => !video.paused && !video.ended);
  };

  const isFilledIn = (field) => field.type !== "hidden"
    && (field.value !== field.defaultValue || field.checked !== field.defaultChecked);

  /* -- work and trouble, in the title and the icon of the tab */

  let title = document.title;
  const icon = document.querySelector("link[rel=icon]");
  const calmIcon = icon?.getAttribute("href");

  const tellTheTab = () => {
    const words = [...document.querySelectorAll("[data-trouble]")]
      .map((each) => each.dataset.trouble).filter(Boolean).join(", ");
    const now = words ? `${words} · ${title}` : title;
    if (document.title !== now) document.title = now;
    const works = [...document.querySelectorAll("[data-work]")].some((each) => Number(each.dataset.work));
    const rest = works ? icon?.dataset.workIcon : calmIcon;
    const wanted = words ? icon?.dataset.troubleIcon : rest;
    if (wanted && icon.getAttribute("href") !== wanted) icon.setAttribute("href", wanted);
  };

  /* -- clocks */

  const tick = () => {
    for (const clock of document.querySelectorAll("[data-elapsed]")) {
      const seconds = Math.max(0, Math.round((Date.now() - Date.parse(clock.dataset.elapsed)) / 1000));
      const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
      const two = (number) => String(number).padStart(2, "0");
      const text = hours
        ? `${hours}:${two(minutes)}:${two(seconds % 60)}`
        : `${minutes}:${two(seconds % 60)}`;
      if (clock.textContent !== text) clock.textContent = text;
    }
  };

  /* -- clips that play under the pointer */

  const stillness = matchMedia("(prefers-reduced-motion: reduce)");

  const clipOf = (target) => {
    if (!(target instanceof Element)) return null;
    return target.closest("[data-hover-play]")
      || target.closest("[data-hover-area]")?.querySelector("[data-hover-play]");
  };

  const play = (clip) => {
    if (!clip || !clip.paused || stillness.matches) return;
    clip.muted = true;
    clip.loop = true;
    clip.play().catch(() => {});
  };

  const stop = (clip) => {
    if (!clip || clip.paused) return;
    clip.pause();
    // Load again, to show the poster.
    if (clip.poster) clip.load();
    else clip.currentTime = 0;
  };

  const leave = (event) => {
    const clip = clipOf(event.target);
    if (clip && clip !== clipOf(event.relatedTarget)) stop(clip);
  };

  document.addEventListener("pointerover", (event) => {
    if (event.pointerType !== "touch") play(clipOf(event.target));
  });
  document.addEventListener("pointerout", leave);
  document.addEventListener("focusin", (event) => play(clipOf(event.target)));
  document.addEventListener("focusout", leave);

  /* -- details that load their content */

  document.addEventListener("toggle", async (event) => {
    const details = event.target;
    const url = details.dataset?.load;
    if (!details.open || !url || details.dataset.loaded) return;
    details.dataset.loaded = "1";
    const place = details.querySelector("[data-load-here]") || details;
    try {
      const response = await fetch(url, { credentials: "same-origin" });
      if (!response.ok || response.redirected) throw new Error(`status ${response.status}`);
      place.replaceChildren(parse(await response.text()));
    } catch {
      // The link inside stays, and the next opening tries again.
      delete details.dataset.loaded;
    }
  }, true);

  document.querySelectorAll("[data-live-url]").forEach((root) => new Live(root));
  tellTheTab();
  if (document.querySelector("[data-elapsed], [data-live-url]")) {
    tick();
    setInterval(() => { if (!document.hidden) tick(); }, 1000);
  }
})();
