// The page of a retake: words become the direction until somebody writes one, and what will be sent is
// shown anew after every change. Ctrl and Enter send what is shown, Escape goes back. Without this
// script, "Show what will be sent" does it.
(() => {
  "use strict";
  const form = document.querySelector("[data-retake]");
  if (!form) return;
  const words = form.elements.namedItem("words");
  const direction = form.elements.namedItem("direction");
  let isOwn = Boolean(direction && direction.value);
  let timer = 0;
  let asked = 0;
  // Whether what is shown is what the form says.
  let isFresh = true;

  const preview = () => form.querySelector("[data-retake-preview]");
  const places = () => [...preview().querySelectorAll("a, button, summary, [tabindex]")];

  async function show() {
    clearTimeout(timer);
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
    if (!fresh || number !== asked) return;
    // The focus stays in the part that is replaced, if it was there.
    const place = places().indexOf(document.activeElement);
    const isOpen = Boolean(preview().querySelector("details")?.open);
    preview().replaceWith(fresh);
    const details = preview().querySelector("details");
    if (details) details.open = isOpen;
    if (place >= 0) places()[place]?.focus();
    isFresh = true;
  }

  form.addEventListener("input", (event) => {
    if (direction && event.target === direction) isOwn = Boolean(direction.value);
    if (direction && event.target === words && !isOwn) direction.value = words.value.slice(0, direction.maxLength);
    isFresh = false;
    clearTimeout(timer);
    timer = setTimeout(show, 400);
  });

  document.addEventListener("keydown", async (event) => {
    if (event.defaultPrevented || event.altKey || event.repeat) return;
    if (event.key === "Escape") {
      event.preventDefault();
      form.querySelector("[data-cancel]").click();
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      const queue = () => form.querySelector("[name=verb][value=queue]");
      // Nobody pays for what they have not seen: the first time it is shown, and the next one sends.
      if (isFresh) queue().click();
      else {
        await show();
        queue().focus();
      }
    }
  });

  for (const hint of form.querySelectorAll("[data-hint]")) hint.hidden = false;
  form.querySelector("input[type=checkbox], textarea").focus({ preventScroll: true });
})();
