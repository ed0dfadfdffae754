"""Draw a set of text and screenshots, for `regrow bench FOLDER --task rate`: eight pictures, the same everywhere.

python benchmarks/screens.py FOLDER

Letters are those of the font in Pillow (Aileron), and of its bitmap font in the terminal.
"""

import argparse
import math
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 1280, 800
COMMON = (
    "the a of to and in that it was for on with as at by from or an be this which have not are but had they one we all"
)
RARE = (
    "picture color window light small house river letter morning paper station number garden early winter always carry "
    "between follow people answer turn begin water street measure against every other question simple result change"
)
CODE = "rows size scale block picture channels tile weight offset index result band limit figure model cells"
COMMON_WORDS, RARE_WORDS, NAMES = (words.split() for words in (COMMON, RARE, CODE))
WORDS = COMMON_WORDS + RARE_WORDS
INK, GREY, LINE, BLUE = "#202124", "#6b7075", "#dadce0", "#1a56b0"

Color = str | tuple[int, int, int]
Points = Sequence[tuple[float, float]]
FINE = 4
"""Samples a pixel, down and across, by which edges that are not upright are smooth."""


class Screen:
    """A picture to draw on, and what is random in it."""

    def __init__(self, name: str, ground: Color) -> None:
        self.image = Image.new("RGB", (WIDTH, HEIGHT), ground)
        self.draw = ImageDraw.Draw(self.image)
        self.random = random.Random(name)  # the same for a name everywhere

    def box(self, x: float, y: float, width: float, height: float, fill: Color, radius: float = 0) -> None:
        """A filled rectangle."""
        if radius:
            ends = (x, y), (x + width - 1 / FINE, y + height - 1 / FINE)
            self.smooth(ends, fill, lambda draw, at: draw.rounded_rectangle(at, FINE * radius, 255))
        else:
            self.draw.rectangle((x, y, x + width - 1, y + height - 1), fill)

    def disc(self, x: float, y: float, radius: float, fill: Color) -> None:
        """A filled circle."""
        ends = (x - radius, y - radius), (x + radius, y + radius)
        self.smooth(ends, fill, lambda draw, at: draw.ellipse(at, 255))

    def polygon(self, points: Points, fill: Color) -> None:
        """A filled polygon."""
        self.smooth(points, fill, lambda draw, at: draw.polygon(at, 255))

    def line(self, points: Points, fill: Color, width: int) -> None:
        """A line through points."""
        self.smooth(points, fill, lambda draw, at: draw.line(at, 255, FINE * width, "curve"), width)

    def smooth(
        self, points: Points, fill: Color, paint: Callable[[ImageDraw.ImageDraw, list], None], reach: int = 0
    ) -> None:
        """What `paint` draws of points, with smooth edges; `reach` is how far beyond them."""
        left, top = (math.floor(min(at)) - reach - 1 for at in zip(*points, strict=True))
        right, bottom = (math.ceil(max(at)) + reach + 2 for at in zip(*points, strict=True))
        mask = Image.new("L", (FINE * (right - left), FINE * (bottom - top)))
        paint(ImageDraw.Draw(mask), [(FINE * (x - left), FINE * (y - top)) for x, y in points])
        self.image.paste(fill, (left, top), mask.reduce(FINE))

    def text(self, x: float, y: float, words: str, size: float, fill: Color = INK, anchor: str = "la") -> float:
        """A line of text; gives where it ends."""
        self.draw.text((x, y), words, fill, font(size), anchor=anchor)
        return x + font(size).getlength(words)

    def cells(self, x: float, y: float, words: str, size: float, fill: Color, pitch: float) -> float:
        """A line of text with the same room for every letter; gives where it ends."""
        for i, letter in enumerate(words):
            self.draw.text((x + (i + 0.5) * pitch, y), letter, fill, font(size), anchor="ma")
        return x + len(words) * pitch

    def paragraph(self, x: float, y: float, width: float, lines: int, size: float, fill: Color = INK) -> float:
        """Lines of words, the last of them shorter; gives where the next may begin."""
        for i in range(lines):
            line, room = self.random.choice(WORDS).capitalize() if not i else "", width * (0.6 if i == lines - 1 else 1)
            while font(size).getlength(longer := f"{line} {self.random.choice(WORDS)}".strip()) < room:
                line = longer
            self.text(x, y, line + ("." if i == lines - 1 else ""), size, fill)
            y += 1.45 * size
        return y

    def photograph(self, x: int, y: int, width: int, height: int) -> None:
        """Sky, hills and grass, made of noise."""
        rng = np.random.default_rng(self.random.randrange(2**32))
        down = np.arange(height)[:, None] / height
        sky = (1 - down[..., None]) * rng.uniform((40, 90, 150), (110, 150, 220)) + down[..., None] * (235, 215, 190)
        picture = sky + 45 * noise(rng, height, width, 3)[..., None] * (1 - down[..., None])
        for depth in range(4):
            ridge = 0.35 + 0.16 * depth + 0.12 * noise(rng, 1, width, 3 + depth)[0] + 0.03 * noise(rng, 1, width, 30)[0]
            tone = (1 - depth / 4) * np.array((150, 165, 185)) + depth / 4 * rng.uniform((40, 60, 20), (95, 100, 50))
            waves = (noise(rng, height, width, n) for n in (9, 30, 90, width // 3, width))
            grain = 1 + (0.06 + 0.06 * depth) * sum(waves, np.zeros((height, width)))
            picture = np.where((down > ridge)[..., None], tone * grain[..., None], picture)
        picture += rng.normal(0, 2.5, picture.shape)
        self.image.paste(Image.fromarray(picture.clip(0, 255).astype(np.uint8)), (x, y))

    def bar(self, title: str, fill: Color, ink: Color) -> None:
        """The title bar of a window."""
        self.box(0, 0, WIDTH, 30, fill)
        for i, color in enumerate(("#ff5f57", "#febc2e", "#28c840")):
            self.disc(20 + 20 * i, 15, 6, color)
        self.text(WIDTH / 2, 15, title, 13, ink, "mm")


def font(size: float) -> ImageFont.FreeTypeFont:
    """Pillow's own, without the shaping that some builds have and some have not."""
    found = ImageFont.load_default(size)
    assert isinstance(found, ImageFont.FreeTypeFont)
    return found.font_variant(layout_engine=ImageFont.Layout.BASIC)


def noise(rng: np.random.Generator, height: int, width: int, waves: int) -> np.ndarray:
    """(height, width) of smooth noise about 0, with so many waves across."""
    down = max(1, round(waves * height / width))
    grid = Image.fromarray(rng.standard_normal((down + 1, waves + 1)).astype(np.float32))
    return np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC)) / 2


def statements(screen: Screen) -> Iterator[list[tuple[str, str]]]:
    """Lines of code, each of parts with the color of their kind."""
    name = lambda: screen.random.choice(NAMES)  # noqa: E731
    word, call, text, number, note, plain = "#c678dd", "#61afef", "#98c379", "#d19a66", "#7f848e", "#abb2bf"
    while True:
        what = name()
        yield [("def ", word), (f"{name()}_{name()}", call), (f"({what}: ", plain), ("int", number), ("):", plain)]
        said = " ".join(screen.random.choices(WORDS, k=9)).capitalize()
        yield [("    ", plain), (f'"""{said}."""', text)]
        for _ in range(screen.random.randint(1, 3)):
            value = str(screen.random.randint(2, 4096))
            yield [
                (f"    {name()} = ", plain),
                (f"{name()}", call),
                (f"({what}, ", plain),
                (value, number),
                (")", plain),
            ]
        yield [("    # " + " ".join(screen.random.choices(WORDS, k=8)), note)]
        yield [("    for ", word), (f"{name()[0]} ", plain), ("in ", word), ("range", call), (f"({what}):", plain)]
        yield [("        ", plain), ("if ", word), (f"{name()}[{name()[0]}] > ", plain), ("0.5", number), (":", plain)]
        yield [("            ", plain), ("yield ", word), (f"{name()} * {name()}, ", plain), (f'"{name()}"', text)]
        yield [("    return ", word), (f"{name()} + {what}", plain)]
        yield []


def editor() -> Screen:
    """Code in an editor, dark."""
    screen = Screen("editor", "#282c34")
    screen.bar("tiling.py", "#21252b", "#9da5b4")
    screen.box(0, 30, 220, HEIGHT - 54, "#21252b")
    for i in range(28):
        deep = i % 5 > 0
        screen.text(16 + 18 * deep, 44 + 25 * i, f"{screen.random.choice(NAMES)}{'.py' if deep else ''}", 13, "#9da5b4")
    screen.box(220, 44 + 21 * 12, WIDTH - 220, 21, "#2c313c")
    for i, line in zip(range(34), statements(screen), strict=False):
        screen.text(262, 46 + 21 * i, str(118 + i), 13, "#4b5263", "ra")
        at = 282.0
        for words, color in line:
            at = screen.cells(at, 44 + 21 * i, words, 14, color, 8.4)
    screen.box(0, HEIGHT - 24, WIDTH, 24, "#1a56b0")
    screen.text(12, HEIGHT - 19, "main   0 errors   2 warnings", 12, "white")
    screen.text(WIDTH - 12, HEIGHT - 19, "line 130, column 17   spaces: 4   UTF-8", 12, "white", "ra")
    return screen


def slide() -> Screen:
    """A slide of a talk."""
    screen = Screen("slide", "#f7f5f0")
    screen.box(0, 0, WIDTH, 118, "#16324f")
    screen.text(60, 60, "What is lost, and what comes back", 46, "white", "lm")
    for i in range(5):
        y = 175 + 105 * i
        screen.disc(69, y + 15, 7, "#d1495b")
        screen.paragraph(100, y, 560, 2, 27)
    screen.photograph(720, 170, 500, 330)
    screen.text(970, 522, "Figure 3: hills in the morning", 20, GREY, "ma")
    for i, tone in enumerate(("#edae49", "#d1495b", "#00798c")):
        screen.box(720 + 172 * i, 570, 156, 120, tone, 14)
        screen.text(798 + 172 * i, 630, f"{screen.random.uniform(1, 9):.1f} dB", 30, "white", "mm")
    screen.text(60, HEIGHT - 40, "12 / 31", 18, GREY)
    return screen


def page() -> Screen:
    """A web page of news: small text and photographs."""
    screen = Screen("page", "white")
    screen.box(0, 0, WIDTH, 58, "#f1f3f4")
    screen.box(150, 12, 860, 34, "white", 17)
    screen.text(172, 29, "https://example.org/morning", 15, GREY, "lm")
    screen.text(60, 78, "The Morning Paper", 34)
    at = 60.0
    for word in ("World", "Science", "Weather", "Letters", "Garden", "Archive"):
        at = screen.text(at, 128, word, 15, BLUE) + 26
    screen.box(60, 156, WIDTH - 120, 1, LINE)
    screen.photograph(60, 176, 560, 300)
    screen.text(60, 492, "Early winter on the river", 26)
    screen.paragraph(60, 530, 560, 3, 15)
    screen.paragraph(60, 606, 270, 8, 13)
    screen.paragraph(350, 606, 270, 8, 13)
    for i in range(4):
        y = 176 + 152 * i
        screen.photograph(660, y, 190, 126)
        screen.text(868, y, " ".join(screen.random.choices(RARE_WORDS, k=4)).capitalize(), 18)
        screen.text(868, y + 26, f"{screen.random.randint(2, 58)} minutes ago", 12, GREY)
        screen.paragraph(868, y + 46, 350, 4, 13)
    return screen


def table() -> Screen:
    """A sheet of numbers."""
    screen = Screen("table", "white")
    screen.box(0, 0, WIDTH, 44, "#1d6f42")
    screen.text(16, 22, "measurements.xlsx", 17, "white", "lm")
    screen.box(0, 44, WIDTH, 26, "#f1f3f4")
    widths = [44, 190, *[116] * 9]
    lefts = [sum(widths[:i]) for i in range(len(widths))]
    for row in range(30):
        y = 70 + 24 * row
        if row % 2 and row > 1:
            screen.box(44, y, WIDTH, 24, "#f4f8f5")
        screen.box(0, y, WIDTH, 1, LINE)
        for column, x in enumerate(lefts):
            if column == 0 or row == 0:
                words = str(row or "") if column == 0 else chr(64 + column)
                screen.text(x + widths[column] / 2, y + 12, words, 13, GREY, "mm")
            elif column == 1:
                screen.text(x + 8, y + 12, " ".join(screen.random.choices(RARE_WORDS, k=2)), 14, INK, "lm")
            else:
                value = screen.random.gauss(40, 60)
                ink = "#b3261e" if value < 0 else INK
                screen.text(x + widths[column] - 8, y + 12, f"{value:,.2f}", 14, ink, "rm")
    for x in lefts[1:]:
        screen.box(x, 70, 1, HEIGHT, LINE)
    screen.draw.rectangle((lefts[4], 70 + 24 * 9, lefts[5], 70 + 24 * 10), outline="#1d6f42", width=2)
    return screen


def terminal() -> Screen:
    """A terminal with a bitmap font, twice its size."""
    screen = Screen("terminal", "#0c0c0c")
    small = Image.new("RGB", (WIDTH // 2, HEIGHT // 2 - 15), "#0c0c0c")
    draw, bitmap = ImageDraw.Draw(small), ImageFont.load_default_imagefont()
    for i in range(30):
        kind = screen.random.random()
        name = f"{screen.random.choice(NAMES)}_{screen.random.choice(NAMES)}.py"
        if kind < 0.15:
            draw.text((6, 4 + 12 * i), "user@host", "#16c60c", bitmap)
            draw.text((60, 4 + 12 * i), f":~/work$ git diff --stat {name}", "#cccccc", bitmap)
        elif kind < 0.6:
            count = screen.random.randint(2, 40)
            draw.text((6, 4 + 12 * i), f" src/{name}", "#cccccc", bitmap)
            draw.text((260, 4 + 12 * i), f"| {count:3}", "#cccccc", bitmap)
            draw.text((296, 4 + 12 * i), "+" * (count - count // 3), "#16c60c", bitmap)
            draw.text((296 + 6 * (count - count // 3), 4 + 12 * i), "-" * (count // 3), "#e74856", bitmap)
        else:
            passed = kind < 0.92
            words = f"tests/test_{name}::test_{screen.random.choice(WORDS)}_{screen.random.choice(WORDS)}"
            draw.text((6, 4 + 12 * i), words, "#cccccc", bitmap)
            draw.text((560, 4 + 12 * i), "PASSED" if passed else "FAILED", "#16c60c" if passed else "#e74856", bitmap)
    screen.image.paste(small.resize((WIDTH, HEIGHT - 30), Image.Resampling.NEAREST), (0, 30))
    screen.bar("user@host: ~/work", "#2b2b2b", "#cccccc")
    return screen


def chart() -> Screen:
    """Lines and bars with axes and a legend."""
    screen = Screen("chart", "white")
    screen.text(WIDTH / 2, 24, "Bits a pixel and quality of the picture", 24, INK, "ma")
    tones = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd")
    for left, bars in ((90, False), (720, True)):
        for i in range(9):
            y = 90 + 76 * i
            screen.draw.line((left, y, left + 500, y), LINE)
            screen.text(left - 10, y, f"{44 - 2 * i}", 14, INK, "rm")
            screen.text(left + 62 * i, 712, f"{0.1 * i:.1f}", 14, INK, "ma")
        for i, tone in enumerate(tones):
            if bars:
                for group in range(4):
                    high = screen.random.uniform(120, 560)
                    screen.box(left + 22 + 122 * group + 18 * i, 698 - high, 18, high, tone)
            else:
                rise = screen.random.uniform(60, 110)
                points = [(left + 4 * x, 700 - 3 * i - rise * math.log1p(x) * 1.1) for x in range(1, 124)]
                screen.line(points, tone, 3)
                for x, y in points[::12]:
                    screen.disc(x, y, 4, tone)
        screen.draw.rectangle((left, 90, left + 500, 698), outline=INK)
        screen.text(left + 250, 742, "bits a pixel", 16, INK, "ma")
    screen.draw.rectangle((440, 520, 580, 682), "white", LINE)
    for i, tone in enumerate(tones):
        screen.draw.line((452, 540 + 30 * i, 482, 540 + 30 * i), tone, 3)
        screen.text(492, 540 + 30 * i, NAMES[3 * i], 15, INK, "lm")
    return screen


def town() -> Screen:
    """A map: streets, water, parks, houses, names."""
    screen = Screen("map", "#f2efe9")
    river = 430 + 120 * noise(np.random.default_rng(7), 1, WIDTH + 1, 5)[0] - 0.12 * np.arange(WIDTH + 1)
    bend = lambda i: 26 * math.sin(i / 170)  # noqa: E731
    for _ in range(7):
        x, y = screen.random.randint(0, WIDTH), screen.random.randint(0, HEIGHT)
        far = [screen.random.uniform(50, 110) for _ in range(12)]
        screen.polygon([(x + r * math.cos(a * 0.52), y + r * math.sin(a * 0.52)) for a, r in enumerate(far)], "#cdebb0")
    for x in range(43, WIDTH, 46):
        for y in range(43, HEIGHT, 46):
            if screen.random.random() < 0.6:
                left, top = x + bend(1.4 * y + x), y + bend(x + y)
                wide, tall = screen.random.randint(6, 15), screen.random.randint(6, 15)
                corners = [(left - wide, top - tall), (left + wide, top - tall), (left + wide, top + tall)]
                screen.polygon([*corners, (left, top + tall), (left, top), (left - wide, top)], "#d9d0c9")
    for step, thick, fill, edge in ((46, 5, "white", "#cfcac2"), (184, 13, "#fcd6a4", "#b88d4a")):
        roads = [[(x, y + bend(x + y)) for x in range(-20, WIDTH + 40, 20)] for y in range(20, HEIGHT, step)]
        roads += [[(x + bend(1.4 * y + x), y) for y in range(-20, HEIGHT + 40, 20)] for x in range(20, WIDTH, step)]
        for color, width in ((edge, thick + 2), (fill, thick)):
            for road in roads:
                screen.line(road, color, width)
        if step == 46:  # only the others have bridges
            screen.line([(x, river[x]) for x in range(0, WIDTH + 1, 32)], "#aad3df", 64)
    taken: list[tuple[float, float]] = []
    for _ in range(90):
        x, y = screen.random.randint(10, WIDTH - 140), screen.random.randint(10, HEIGHT - 30)
        if all(abs(x - a) > 150 or abs(y - b) > 26 for a, b in taken):
            taken.append((x, y))
            words, size = f"{screen.random.choice(RARE_WORDS)} street".title(), screen.random.choice((11, 12, 12, 18))
            screen.draw.text((x, y), words, INK, font(size), stroke_width=2, stroke_fill="white")
    return screen


def chat() -> Screen:
    """Messages between two people, and a picture that one has sent."""
    screen = Screen("chat", "#efeae2")
    screen.box(0, 0, 340, HEIGHT, "white")
    for i in range(10):
        y, tone = 12 + 78 * i, tuple(screen.random.randint(90, 210) for _ in range(3))
        screen.box(0, y - 6, 340, 1, LINE)
        screen.disc(40, y + 32, 26, (tone[0], tone[1], tone[2]))
        screen.text(82, y + 8, f"{screen.random.choice(RARE_WORDS)} {screen.random.choice(NAMES)}".title(), 17)
        screen.text(82, y + 34, " ".join(screen.random.choices(WORDS, k=5)) + " ...", 14, GREY)
        screen.text(326, y + 10, f"{9 + i}:{screen.random.randint(10, 59)}", 12, GREY, "ra")
    y = 18.0
    for i in range(6):
        mine, lines = i % 2 == 1, screen.random.randint(1, 4)
        x, tall = (760 if mine else 370), 20 + 24 * lines
        if i == 2:
            screen.box(x, y, 336, 226, "white", 10)
            screen.photograph(x + 8, int(y) + 8, 320, 200)
            y += 240
        screen.box(x, y, 490, tall + 14, "#d9fdd3" if mine else "white", 10)
        screen.paragraph(x + 16, y + 10, 450, lines, 16.5)
        screen.text(x + 478, y + tall + 8, f"10:{12 + 3 * i}", 11, GREY, "rd")
        y += tall + 30
    screen.box(360, HEIGHT - 56, 900, 42, "white", 21)
    screen.text(384, HEIGHT - 35, "Write a message", 16, GREY, "lm")
    return screen


SCREENS: dict[str, Callable[[], Screen]] = {
    "editor": editor, "slide": slide, "page": page, "table": table, "terminal": terminal, "chart": chart,
    "map": town, "chat": chat,
}  # fmt: skip


def main() -> None:
    """Write the pictures, PNG."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in SCREENS.items():
        draw().image.save(folder / f"{name}.png")
        print(folder / f"{name}.png")


if __name__ == "__main__":
    main()
