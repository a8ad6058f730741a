/* Plays a story: clips and stills of a scenelet one after the other, then the reader's choices.

   storyPlayer(root, story, options) builds the player inside the element `root`.

   story: {title, start, starts: [id], scenelets: {id: {title, prompt, shots, choices: [{label, to}]}}}
   Where there are several starts, the reader chooses one on the title card; `start` is the first.
   a shot: {code, video, still, title, seconds, words, cues: [[start, end, text], …]}, times in
   seconds; `video` and `still` are addresses, or "".

   options.path: ids of scenelets. They are played without asking; without it the reader chooses.
   options.start: false skips the title card.

   The root dispatches "shot" ({scenelet, index, code}) and "ending" ({scenelet}). Works from
   file://, so captions are drawn here: a browser loads no caption files from there. */
"use strict";

function storyPlayer(root, story, options = {}) {
  const make = (tag, name, text) => {
    const element = document.createElement(tag);
    if (name) element.className = name;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const button = (name, text, label, action) => {
    const element = make("button", name, text);
    element.type = "button";
    if (label) element.setAttribute("aria-label", label);
    element.addEventListener("click", action);
    return element;
  };

  const stage = make("div", "sp-stage");
  // Two videos: while one plays, the other loads what comes next, so that no gap is seen.
  const videos = [make("video"), make("video")];
  const still = make("img", "sp-still");
  const slate = make("div", "sp-slate");
  const caption = make("div", "sp-caption");
  const overlay = make("div", "sp-overlay");
  const status = make("p", "sp-status");
  const bar = make("div", "sp-bar");
  still.alt = "";
  status.setAttribute("role", "status");
  caption.dir = slate.dir = "auto";
  videos.forEach((video) => {
    video.playsInline = true;
    video.preload = "auto";
    video.hidden = true;
    video.tabIndex = -1;
  });
  overlay.hidden = true;
  stage.append(...videos, still, slate, caption, overlay);

  let at = { scenelet: null, index: 0 };
  let history = [];
  let active = 0;
  let stillTimer = null;
  let stillLeft = 0;
  let stillSince = 0;
  let playing = false;
  let showsCaptions = true;
  let isMuted = false;
  let tick = null;

  // Where the story begins; null where the reader chooses it.
  const beginning = () => {
    if (options.path) return options.path[0];
    return story.starts.length === 1 ? story.starts[0] : null;
  };
  const scenelet = () => story.scenelets[at.scenelet];
  const shot = () => (scenelet() ? scenelet().shots[at.index] : null);

  // -- controls

  const playButton = button("sp-play", "", "Play", toggle);
  const backButton = button("", "Back", "Back to the last choice", back);
  const restartButton = button("", "Restart", "From the beginning", restart);
  const previousButton = button("", "‹", "Previous shot", () => step(-1));
  const nextButton = button("sp-next", "›", "Next shot", () => step(1));
  const captionButton = button("", "CC", "Captions", toggleCaptions);
  const muteButton = button("", "Sound", "Sound", toggleSound);
  const fullButton = button("", "Full", "Full screen", toggleFullScreen);
  const place = make("span", "sp-place");
  place.dir = "auto";
  bar.append(
    playButton, previousButton, nextButton, restartButton, backButton, place,
    captionButton, muteButton, fullButton,
  );
  if (options.path) backButton.hidden = true;
  root.classList.add("sp");
  root.tabIndex = -1;
  root.append(stage, bar, status);

  function showControls() {
    playButton.textContent = playing ? "Pause" : "Play";
    playButton.setAttribute("aria-label", playing ? "Pause" : "Play");
    captionButton.setAttribute("aria-pressed", String(showsCaptions));
    muteButton.setAttribute("aria-pressed", String(!isMuted));
    backButton.disabled = history.length === 0;
    const current = scenelet();
    place.textContent = current && shot() ? `${shot().code} · ${current.title}` : story.title;
  }

  function toggleCaptions() {
    showsCaptions = !showsCaptions;
    showCaption();
    showControls();
  }

  function toggleSound() {
    isMuted = !isMuted;
    videos.forEach((video) => { video.muted = isMuted; });
    showControls();
  }

  function toggleFullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (root.requestFullscreen) root.requestFullscreen();
  }

  // -- time

  function seconds() {
    const current = shot();
    if (!current) return 0;
    if (current.video) return videos[active].currentTime;
    const passed = playing ? (performance.now() - stillSince) / 1000 : 0;
    return current.seconds - stillLeft + passed;
  }

  function showCaption() {
    const current = shot();
    const now = seconds();
    const cue = current && showsCaptions && overlay.hidden
      ? current.cues.find(([start, end]) => now >= start && now < end)
      : null;
    const text = cue ? cue[2] : "";
    if (caption.textContent !== text) caption.textContent = text;
  }

  // -- playing

  function play() {
    const current = shot();
    if (!current || !overlay.hidden) return;
    playing = true;
    if (current.video) {
      const video = videos[active];
      const started = video.play();
      // A browser that lets nothing play by itself waits for a click. What was left meanwhile, and
      // what cannot be played, is no such refusal.
      if (started) started.catch(() => {
        if (video !== videos[active] || !video.paused || video.error) return;
        playing = false;
        showControls();
      });
      if (video.error) fail();
    } else {
      stillSince = performance.now();
      stillTimer = setTimeout(next, stillLeft * 1000);
    }
    tick = tick || setInterval(showCaption, 100);
    showControls();
  }

  function pause() {
    if (playing && stillTimer) stillLeft -= (performance.now() - stillSince) / 1000;
    playing = false;
    clearTimeout(stillTimer);
    stillTimer = null;
    videos[active].pause();
    clearInterval(tick);
    tick = null;
    showControls();
  }

  function toggle() {
    if (playing) pause();
    else play();
  }

  // A clip that does not play must not end the story. It may have failed before it was shown.
  function fail() {
    status.textContent = "This clip cannot be played.";
    clearTimeout(stillTimer);
    if (playing) stillTimer = setTimeout(next, 2000);
  }

  function show(id, index, starts) {
    pause();
    at = { scenelet: id, index };
    overlay.hidden = true;
    overlay.replaceChildren();
    const current = shot();
    if (!current) {
      end();
      return;
    }
    const isReady = videos[1 - active].dataset.src === current.video && current.video;
    if (isReady) active = 1 - active;
    videos.forEach((video, number) => { video.hidden = number !== active || !current.video; });
    still.hidden = Boolean(current.video) || !current.still;
    slate.hidden = Boolean(current.video || current.still);
    if (current.video) {
      if (!isReady) load(videos[active], current.video);
      videos[active].currentTime = 0;
    } else {
      stillLeft = current.seconds;
      if (current.still) still.src = current.still;
      still.alt = current.words || current.title;
      slate.replaceChildren(make("p", "sp-slate-title", current.title), make("p", "", current.words));
    }
    preload();
    showCaption();
    showControls();
    root.dispatchEvent(new CustomEvent("shot", { detail: { ...at, code: current.code } }));
    if (starts) play();
  }

  function load(video, address) {
    video.dataset.src = address;
    video.src = address;
    video.muted = isMuted;
  }

  function following() {
    const current = scenelet();
    if (at.index + 1 < current.shots.length) return current.shots[at.index + 1];
    const to = onlyWay();
    return to ? story.scenelets[to].shots[0] : null;
  }

  function preload() {
    const coming = following();
    const other = videos[1 - active];
    if (coming && coming.video && other.dataset.src !== coming.video) load(other, coming.video);
  }

  function onlyWay() {
    if (options.path) return options.path[options.path.indexOf(at.scenelet) + 1] || null;
    const choices = scenelet().choices;
    return choices.length === 1 && !choices[0].label ? choices[0].to : null;
  }

  function next() {
    if (at.index + 1 < scenelet().shots.length) show(at.scenelet, at.index + 1, true);
    else end();
  }

  function step(by) {
    const index = at.index + by;
    const current = scenelet();
    if (!current) return;
    if (index < 0) {
      if (options.path) {
        const before = options.path[options.path.indexOf(at.scenelet) - 1];
        if (before) show(before, Math.max(0, story.scenelets[before].shots.length - 1), playing);
      } else if (history.length) back();
    } else if (index < current.shots.length) show(at.scenelet, index, playing);
    else if (overlay.hidden) end();
  }

  // A scenelet is over: the only way is taken, the choices are offered, or the story ends.
  function end() {
    const to = onlyWay();
    if (to) {
      show(to, 0, true);
      return;
    }
    pause();
    caption.textContent = "";
    if (!options.path && scenelet().choices.length) offer();
    else finish();
  }

  function offer() {
    const current = scenelet();
    const box = make("div", "sp-choices");
    const question = make("h2", "", current.prompt || "What happens next?");
    question.dir = "auto";
    box.append(question);
    current.choices.forEach((choice, number) => {
      const text = choice.label || story.scenelets[choice.to].title;
      const element = button("sp-choice", text, "", () => choose(choice.to));
      element.dir = "auto";
      element.dataset.key = String(number + 1);
      box.append(element);
    });
    cover(box);
  }

  function finish() {
    const current = scenelet();
    root.dispatchEvent(new CustomEvent("ending", { detail: { scenelet: at.scenelet } }));
    const box = make("div", "sp-choices");
    const heading = make("h2", "", "The end");
    const title = make("p", "sp-ending", current ? current.title : story.title);
    title.dir = "auto";
    box.append(heading, title, button("sp-choice", "Read again", "", restart));
    if (history.length) box.append(button("sp-choice", "Back to the last choice", "", back));
    cover(box);
  }

  function cover(box) {
    overlay.replaceChildren(box);
    overlay.hidden = false;
    status.textContent = box.textContent;
    showControls();
    const first = box.querySelector("button");
    if (first) first.focus({ preventScroll: true });
  }

  function choose(to) {
    history.push(at.scenelet);
    go(to);
  }

  function go(to, index = 0) {
    status.textContent = story.scenelets[to].title;
    show(to, index, true);
    root.focus({ preventScroll: true });
  }

  function back() {
    if (!history.length) return;
    const id = history.pop();
    at = { scenelet: id, index: Math.max(0, story.scenelets[id].shots.length - 1) };
    if (shot()) show(id, at.index, false);
    end();
  }

  function restart() {
    pause();
    history = [];
    if (beginning()) {
      go(beginning());
      return;
    }
    at = { scenelet: null, index: 0 };
    open();
  }

  function open() {
    const box = make("div", "sp-choices");
    const heading = make("h1", "", story.title);
    heading.dir = "auto";
    box.append(heading);
    if (beginning()) box.append(button("sp-choice", "Begin", "", restart));
    else story.starts.forEach((id, number) => {
      const element = button("sp-choice", story.scenelets[id].title, "", () => go(id));
      element.dir = "auto";
      element.dataset.key = String(number + 1);
      box.append(element);
    });
    cover(box);
  }

  // -- keys

  const keys = {
    " ": toggle, k: toggle, j: () => step(-1), l: () => step(1),
    ArrowLeft: () => step(-1), ArrowRight: () => step(1),
    f: toggleFullScreen, m: toggleSound, c: toggleCaptions, b: back, r: restart,
  };

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    // Space and Enter press the button that has the focus.
    if (event.target.tagName === "BUTTON" && event.key === " ") return;
    const choice = overlay.hidden ? null : overlay.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    const action = choice ? () => choice.click() : keys[event.key] || keys[event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    action();
  }

  document.addEventListener("keydown", onKey);
  videos.forEach((video, number) => {
    video.addEventListener("ended", () => { if (number === active && playing) next(); });
    video.addEventListener("error", () => {
      if (number === active && !video.hidden && video.error) fail();
    });
    video.addEventListener("click", toggle);
  });
  still.addEventListener("click", toggle);
  slate.addEventListener("click", toggle);

  if (options.start === false && beginning()) {
    at = { scenelet: beginning(), index: 0 };
    show(at.scenelet, 0, false);
  } else open();
  return {
    go, play, pause, restart, toggle,
    at: () => ({ ...at }),
    isPlaying: () => playing,
    follow(path) {
      options.path = path;
      backButton.hidden = Boolean(path);
      history = [];
    },
  };
}
