// The page of a retake: words become the direction until somebody writes one, and what will be sent is
// shown anew after every change. Without this script, "Show what will be sent" does it.
(() => {
  "use strict";
  const form = document.querySelector("[data-retake]");
  if (!form) return;
  const words = form.elements.namedItem("words");
  const direction = form.elements.namedItem("direction");
  let isOwn = Boolean(direction && direction.value);
  let timer = 0;
  let asked = 0;

  async function show() {
    const number = (asked += 1);
    const data = new FormData(form);
    data.set("verb", "preview");
    let page;
    try {
      const answer = await fetch(form.action, { method: "POST", body: data, redirect: "error" });
      if (!answer.ok) return;
      page = new DOMParser().parseFromString(await answer.text(), "text/html");
    } catch {
      return; // The button still works, and the server checks what was seen.
    }
    const fresh = page.querySelector("[data-retake-preview]");
    if (fresh && number === asked) form.querySelector("[data-retake-preview]").replaceWith(fresh);
  }

  form.addEventListener("input", (event) => {
    if (direction && event.target === direction) isOwn = Boolean(direction.value);
    if (direction && event.target === words && !isOwn) direction.value = words.value.slice(0, direction.maxLength);
    clearTimeout(timer);
    timer = setTimeout(show, 400);
  });
})();
