/* Copies the address of a new link. Without this, people copy it out of its field. */
"use strict";

(() => {
  const button = document.querySelector("[data-copy]");
  const field = document.querySelector("[data-address]");
  if (!button || !navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    field.select();
    await navigator.clipboard.writeText(field.value);
    button.textContent = "Copied";
  });
})();
