/* The note of a guest: as soon as they write, it is about what the player shows. They may choose
   something else. */
"use strict";

(() => {
  const form = document.querySelector("[data-note-form]");
  if (!form) return;
  const { shot, seconds, text } = form.elements;
  text.addEventListener("focus", () => {
    if (text.value) return;
    const film = document.querySelector("[data-guest-film]");
    const video = film || document.querySelector("[data-player] video:not([hidden])");
    const item = document.querySelector("[data-shot][aria-current]");
    if (shot && item) shot.value = item.dataset.shot;
    seconds.value = video ? video.currentTime.toFixed(1) : "";
  });
})();
