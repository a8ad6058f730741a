"""The strip at the foot of a clip: the shot, what happens and is said, and the time."""

from __future__ import annotations

from functools import lru_cache

from PIL import Image, ImageDraw

from videogen.simulator.footage.lettering import pill, shorten, wrap, writable, write
from videogen.simulator.footage.planes import HEIGHT, WIDTH, Canvas, Layer
from videogen.simulator.footage.reel import FPS, FRAMES
from videogen.simulator.footage.storyboard import PromptContent, SpokenLine

TOP = 780
MARGIN = 84
TEXT_WIDTH = WIDTH - 2 * MARGIN
LABEL_BASE, FIRST_LINE, LINE_STEP = 138, 194, 48
FADE_FRAMES = 5
BAR_HEIGHT = 4
WARM = (244, 196, 120, 255)
WHITE = (250, 249, 246, 255)
GREY = (226, 226, 224, 235)
SPEAKERS = ((150, 214, 226, 255), (240, 170, 150, 255), (184, 216, 150, 255), (206, 182, 236, 255))


class Slate:
    """Lays the strip over frames. Each text is drawn once, not once for each frame."""

    def __init__(self, board: PromptContent) -> None:
        self._board = board
        self._mark = Layer(pill("SIMULATED", 17))
        self._speakers = list(dict.fromkeys(line.source for line in board.lines))
        self._strip = lru_cache(maxsize=FADE_FRAMES + 3)(self._draw_strip)
        self._time = lru_cache(maxsize=2)(_draw_time)

    def lay(self, canvas: Canvas, frame: int) -> None:
        line, strength = self._spoken_at(frame)
        self._strip(line, strength).lay(canvas, 0, TOP)
        self._time(frame // FPS).lay(canvas, WIDTH - MARGIN - 120, TOP + LABEL_BASE - 30)
        self._mark.lay(canvas, MARGIN, 48)
        done = (frame + 1) * WIDTH // FRAMES // 2 * 2
        canvas.luma[HEIGHT - BAR_HEIGHT :, :done] = 196
        canvas.blue[(HEIGHT - BAR_HEIGHT) // 2 :, : done // 2] = 84
        canvas.red[(HEIGHT - BAR_HEIGHT) // 2 :, : done // 2] = 146

    def _spoken_at(self, frame: int) -> tuple[SpokenLine | None, int]:
        """Return the line to show, which stays until the next one, and its strength."""
        now = frame / FPS
        begun = [line for line in self._board.lines if line.start <= now + FADE_FRAMES / FPS]
        if not begun:
            return None, FADE_FRAMES
        line = begun[-1]
        following = [other for other in self._board.lines if other.start > line.start]
        age = round((now - line.start) * FPS) + FADE_FRAMES
        left = round((following[0].start - now) * FPS) - FADE_FRAMES if following else FADE_FRAMES
        return line, max(0, min(FADE_FRAMES, age, left))

    def _draw_strip(self, line: SpokenLine | None, strength: int) -> Layer:
        image = _shade()
        draw = ImageDraw.Draw(image)
        label, font = writable(self._board.label.upper().rstrip("."), 21)
        label = shorten(label, font, int(TEXT_WIDTH * 0.6))
        write(draw, (MARGIN, LABEL_BASE), label, font, WARM, spacing=2.4)
        text = Image.new("RGBA", image.size)
        if line is None:
            self._write_action(ImageDraw.Draw(text))
        else:
            self._write_line(ImageDraw.Draw(text), line)
        if strength < FADE_FRAMES:
            text.putalpha(text.getchannel("A").point(lambda a: a * strength // FADE_FRAMES))
        image.alpha_composite(text)
        return Layer(image)

    def _write_action(self, draw: ImageDraw.ImageDraw) -> None:
        action, font = writable(self._board.action, 33)
        for index, row in enumerate(wrap(action, font, TEXT_WIDTH, 2)):
            write(draw, (MARGIN, FIRST_LINE + index * LINE_STEP), row, font, GREY)

    def _write_line(self, draw: ImageDraw.ImageDraw, line: SpokenLine) -> None:
        source, small = writable(line.source.replace("-", " ").replace("_", " ").upper(), 21)
        colour = SPEAKERS[self._speakers.index(line.source) % len(SPEAKERS)]
        left = float(MARGIN)
        if source:
            source = shorten(source, small, 360)
            left += write(draw, (MARGIN, FIRST_LINE), source, small, colour, spacing=2.4) + 26
        words, font = writable(line.text, 38)
        for index, row in enumerate(wrap(words, font, int(WIDTH - MARGIN - left), 2)):
            write(draw, (left, FIRST_LINE + index * LINE_STEP), row, font, WHITE)


@lru_cache(maxsize=1)
def _shade_once() -> Image.Image:
    """Return a shade that gets darker towards the foot, so that pale text is always legible."""
    height = HEIGHT - TOP
    ramp = Image.linear_gradient("L").resize((WIDTH, height), Image.Resampling.BILINEAR)
    shade = Image.new("RGBA", (WIDTH, height), (10, 11, 16, 0))
    shade.putalpha(ramp.point(lambda value: int(min(1, value / 165) ** 1.3 * 205)))
    return shade


def _shade() -> Image.Image:
    return _shade_once().copy()


def _draw_time(second: int) -> Layer:
    image = Image.new("RGBA", (120, 40))
    text, font = writable(f"0:{second:02d} / 0:{FRAMES // FPS:02d}", 21)
    write(ImageDraw.Draw(image), (120 - font.getlength(text), 30), text, font, (255, 255, 255, 170))
    return Layer(image)
