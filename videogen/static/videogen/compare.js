// Two players with one scrubber. Without this file, each player has its own controls.
"use strict";

(() => {
  const pair = document.querySelector(".st-pair");
  const bar = document.querySelector(".st-transport");
  if (!pair || !bar) return;
  const dialog = document.querySelector("dialog.st-keys");
  const videos = [...pair.querySelectorAll("video")];
  const [playButton, toggleButton, keysButton] = ["play", "toggle", "keys"].map((name) =>
    bar.querySelector(`[data-do="${name}"]`),
  );
  const scrubber = bar.querySelector("input[type=range]");
  const clock = bar.querySelector("output");
  const sound = bar.querySelector("select");
  const sides = ["a", "b"];
  const FRAME = 1 / 24;
  // Nobody sees a smaller difference, and each correction makes the video jump a little.
  const DRIFT = 0.08;
  let isPlaying = false;
  let isScrubbing = false;

  const lengthOf = (video) => (Number.isFinite(video.duration) ? video.duration : 0);
  const longest = () => Math.max(...videos.map(lengthOf));
  // The longer take sets the time, and the shorter one stays on its last frame.
  const leader = () => (lengthOf(videos[1]) > lengthOf(videos[0]) ? videos[1] : videos[0]);
  const seconds = (time) => time.toFixed(1);

  const show = () => {
    const time = leader().currentTime;
    if (!isScrubbing) scrubber.value = time;
    clock.textContent = `${seconds(time)} / ${seconds(longest())} s`;
    scrubber.setAttribute("aria-valuetext", `${seconds(time)} of ${seconds(longest())} seconds`);
  };

  const seek = (time) => {
    const to = Math.min(Math.max(time, 0), longest());
    for (const video of videos) video.currentTime = Math.min(to, lengthOf(video));
    show();
  };

  const pause = () => {
    isPlaying = false;
    playButton.textContent = "Play both";
    for (const video of videos) video.pause();
  };

  const play = () => {
    if (leader().ended || leader().currentTime >= longest() - FRAME) seek(0);
    isPlaying = true;
    playButton.textContent = "Pause both";
    const started = videos
      .filter((video) => video.currentTime < lengthOf(video) - FRAME)
      .map((video) => video.play());
    Promise.all(started).catch(pause);
    requestAnimationFrame(follow);
  };

  const toggle = () => (isPlaying ? pause() : play());

  const follow = () => {
    if (!isPlaying) return;
    const first = leader();
    const second = videos.find((video) => video !== first);
    const target = Math.min(first.currentTime, lengthOf(second));
    if (!second.seeking && !second.ended && Math.abs(second.currentTime - target) > DRIFT) {
      second.currentTime = target;
    }
    show();
    requestAnimationFrame(follow);
  };

  const hear = (side) => {
    sound.value = side;
    videos.forEach((video, index) => {
      video.muted = sides[index] !== side;
    });
  };

  // Both → only a → only b → only a …, with the sound of the one shown. Escape or a click shows both.
  const only = (side) => {
    if (side) pair.dataset.only = side;
    else delete pair.dataset.only;
    toggleButton.textContent = side ? "Show both" : "Show one";
    toggleButton.setAttribute("aria-pressed", String(Boolean(side)));
    if (side && sound.value !== "none") hear(side);
  };
  const flip = () => only(pair.dataset.only === "a" ? "b" : "a");

  const ready = () => {
    scrubber.max = longest();
    show();
  };

  for (const video of videos) {
    video.controls = false;
    video.addEventListener("click", toggle);
    video.addEventListener("loadedmetadata", ready);
    video.addEventListener("ended", () => {
      if (video === leader()) pause();
    });
  }
  playButton.addEventListener("click", toggle);
  toggleButton.addEventListener("click", () => only(pair.dataset.only ? "" : "a"));
  keysButton.addEventListener("click", () => dialog.showModal());
  sound.addEventListener("change", () => hear(sound.value));
  scrubber.addEventListener("input", () => {
    isScrubbing = true;
    pause();
    seek(Number(scrubber.value));
  });
  scrubber.addEventListener("change", () => {
    isScrubbing = false;
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
    const isText = event.target.closest("textarea, select, input:not([type=range])");
    if (isText) return;
    const isControl = event.target.closest("button, a, summary");
    if (event.key === " " && !isControl) toggle();
    else if (event.key === "t") flip();
    else if (event.key === "Escape" && pair.dataset.only) only("");
    else if (event.key === ",") seek((pause(), leader().currentTime - FRAME));
    else if (event.key === ".") seek((pause(), leader().currentTime + FRAME));
    else if (event.key === "?") dialog.showModal();
    else return;
    event.preventDefault();
  });

  bar.hidden = false;
  hear("a");
  ready();
})();
