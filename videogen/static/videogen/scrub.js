/* Pictures of shots on the board, the first page and the list of shots: under the mouse, the clip
   stands at the time that the mouse's place in the picture is. Nothing is heard and nothing plays.

   There is one <video>, which moves from picture to picture, so that a page of many hundred shots
   loads no clip before somebody looks at one. */

"use strict";

(() => {
  const WAIT = 140;

  const stillness = matchMedia("(prefers-reduced-motion: reduce)");
  const frameOf = (target) => (target instanceof Element ? target.closest(".st-frame[data-video]") : null);

  const clip = document.createElement("video");
  clip.className = "st-clip";
  clip.preload = "none";
  clip.muted = true;
  clip.playsInline = true;
  clip.tabIndex = -1;
  clip.setAttribute("aria-hidden", "true");
  const line = document.createElement("span");
  line.className = "st-scrub";

  let shown = null;
  let timer = 0;
  let place = 0;

  const stop = () => {
    clearTimeout(timer);
    if (!shown) return;
    shown = null;
    clip.classList.remove("st-clip--on");
    clip.removeAttribute("src");
    clip.load();
    clip.remove();
    line.remove();
  };

  // While it seeks, only the last place counts.
  const seek = () => {
    if (!shown || clip.seeking || !Number.isFinite(clip.duration)) return;
    const time = Math.min(place * clip.duration, clip.duration - 0.05);
    if (Math.abs(clip.currentTime - time) > 0.02) clip.currentTime = time;
    else clip.classList.add("st-clip--on");
  };
  clip.addEventListener("loadedmetadata", seek);
  clip.addEventListener("loadeddata", seek);
  clip.addEventListener("seeked", () => {
    clip.classList.add("st-clip--on");
    seek();
  });

  const start = (frame) => {
    stop();
    shown = frame;
    clip.preload = "metadata";
    clip.src = frame.dataset.video;
    frame.append(clip, line);
    clip.load();
  };

  const move = (frame, event) => {
    const box = frame.getBoundingClientRect();
    place = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
    line.style.transform = `scaleX(${place})`;
    if (frame === shown) seek();
  };

  document.addEventListener("pointermove", (event) => {
    const frame = frameOf(event.target);
    if (event.pointerType === "touch" || stillness.matches || !frame) return;
    move(frame, event);
  });
  document.addEventListener("pointerover", (event) => {
    const frame = frameOf(event.target);
    if (event.pointerType === "touch" || stillness.matches || frame === shown) return;
    stop();
    if (!frame) return;
    move(frame, event);
    timer = setTimeout(() => start(frame), WAIT);
  });
  // A dialog covers the picture, or the pointer leaves the window.
  document.addEventListener("pointerdown", stop);
  document.documentElement.addEventListener("pointerleave", stop);
})();
