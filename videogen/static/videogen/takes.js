// Keys of the page of takes, and jumps in its players. Without this file, only the keys are missing: a
// place in a clip is a link to the file.
"use strict";

(() => {
  // Looked up each time, for live.js replaces the elements.
  const takes = () => [...document.querySelectorAll("[data-take]")];
  const dialog = document.querySelector("dialog.st-keys");

  // On a narrow screen, fold the storyboard so that the takes are visible at once.
  if (window.matchMedia("(max-width: 1023px)").matches) {
    document.querySelector("[data-folds]")?.removeAttribute("open");
  }

  // Only one take plays with sound at a time.
  document.addEventListener("play", (event) => {
    for (const other of document.querySelectorAll(".st-render video")) {
      if (other !== event.target) other.pause();
    }
  }, true);

  // What the technical check has found: the take's player jumps there.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-at]");
    const video = link?.closest("[data-render]")?.querySelector("video");
    if (!video || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    video.pause();
    const jump = () => {
      video.currentTime = Number(link.dataset.at);
    };
    if (video.readyState > 0) jump();
    else {
      video.addEventListener("loadedmetadata", jump, { once: true });
      video.load();
    }
    video.focus({ preventScroll: true });
    video.scrollIntoView({ block: "nearest" });
  });

  const button = document.querySelector("[data-keys-button]");
  if (button && dialog) {
    button.hidden = false;
    button.addEventListener("click", () => dialog.showModal());
  }

  const current = () =>
    document.activeElement.closest("[data-take]") ||
    takes().find((take) => take.getBoundingClientRect().bottom > window.innerHeight / 3);

  // A new note stands at the frame that is seen, unless another time was typed.
  document.addEventListener("focusin", (event) => {
    const form = event.target.closest("[data-note-new]");
    const video = form?.closest("[data-take]")?.querySelector("video");
    if (!video || event.target.name !== "text" || form.elements.time.value !== form.elements.time.defaultValue) return;
    const fps = Number(form.dataset.fps) || 24;
    const rate = Math.max(1, Math.round(fps));
    const frame = Math.floor(video.currentTime * fps + 0.01);
    const two = (number) => String(number).padStart(2, "0");
    const seconds = Math.floor(frame / rate);
    video.pause();
    form.elements.time.value = `${Math.floor(seconds / 60)}:${two(seconds % 60)}.${two(frame % rate)}`;
  });

  // The time of a note jumps into the middle of its frame.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-jump]");
    const video = link?.closest("[data-take]")?.querySelector("video");
    if (!video || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const fps = Number(link.closest("[data-fps]").dataset.fps) || 24;
    const jump = () => {
      video.currentTime = (Number(link.dataset.jump) + 0.5) / fps;
    };
    video.pause();
    if (video.readyState) jump();
    else {
      video.addEventListener("loadedmetadata", jump, { once: true });
      video.load();
    }
    video.scrollIntoView({ block: "nearest" });
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || dialog?.open) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    if (/^[1-9]$/.test(event.key)) {
      const take = takes().find((each) => each.dataset.take === event.key);
      if (!take) return;
      take.focus({ preventScroll: true });
      take.scrollIntoView({ block: "start" });
    } else if (event.key === "p") {
      const video = current()?.querySelector("video");
      if (!video) return;
      if (video.paused) video.play().catch(() => {});
      else video.pause();
    } else if (event.key === "?" && dialog) {
      dialog.showModal();
    } else {
      return;
    }
    event.preventDefault();
  });
})();
