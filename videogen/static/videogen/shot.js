/* The form of a shot: what will be sent follows what is typed, and key frames can be dropped.

   The server makes the preview of the unsaved form and saves nothing. Without this script, the button
   "Preview" does the same, and key frames are chosen one by one. */

"use strict";

(() => {
  const WAIT = 400;
  const place = document.querySelector("[data-preview]");
  const form = place?.closest("form");
  if (!form) return;

  /* -- the preview */

  let timer = 0;
  let asking = null;
  let shown = "";

  const show = async () => {
    asking?.abort();
    const mine = new AbortController();
    asking = mine;
    const data = new FormData(form);
    for (const [name, value] of [...data]) if (value instanceof File) data.delete(name);
    try {
      const answer = await fetch(place.dataset.preview, {
        method: "POST",
        body: data,
        credentials: "same-origin",
        headers: shown ? { "If-None-Match": shown } : {},
        redirect: "error",
        signal: mine.signal,
      });
      if (answer.status !== 200) return;
      const html = await answer.text();
      if (asking !== mine) return;
      const template = document.createElement("template");
      template.innerHTML = html;
      const code = place.querySelector("[data-prompt]");
      const scrolled = code ? code.scrollTop : 0;
      place.replaceChildren(template.content);
      const fresh = place.querySelector("[data-prompt]");
      if (fresh) fresh.scrollTop = scrolled;
      shown = answer.headers.get("ETag") || "";
    } catch {
      // The button still works.
    }
  };

  form.addEventListener("input", (event) => {
    if (event.target.type === "file" || !place.isConnected) return;
    clearTimeout(timer);
    timer = setTimeout(show, WAIT);
  });

  /* -- key frames */

  const zone = document.querySelector("[data-drop]");
  const group = document.querySelector("#key_frames-group");
  if (!zone || !group) return;
  const words = zone.querySelector("[data-dropped-files]");
  const chooser = zone.querySelector("input[type=file]");
  const empty = () => [...group.querySelectorAll("input[type=file]")]
    .find((each) => !each.name.includes("__prefix__") && !each.files.length);

  const take = (files) => {
    const taken = [];
    for (const file of files) {
      if (!["image/png", "image/jpeg"].includes(file.type)) continue;
      if (!empty()) group.querySelector(".add-row a")?.click();
      const field = empty();
      if (!field) break;
      const transfer = new DataTransfer();
      transfer.items.add(file);
      field.files = transfer.files;
      taken.push(file.name);
    }
    const left = files.length - taken.length;
    words.textContent = [
      taken.length ? `Stored when you save: ${taken.join(", ")}.` : "",
      left ? `${left} left out: a key frame is a PNG or a JPEG.` : "",
    ].filter(Boolean).join(" ");
  };

  zone.hidden = false;
  zone.querySelector("button").addEventListener("click", () => chooser.click());
  chooser.addEventListener("change", () => {
    take([...chooser.files]);
    chooser.value = "";
  });
  for (const name of ["dragenter", "dragover"]) {
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.add("st-drop--over");
    });
  }
  zone.addEventListener("dragleave", () => zone.classList.remove("st-drop--over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("st-drop--over");
    take([...event.dataTransfer.files]);
  });
})();
