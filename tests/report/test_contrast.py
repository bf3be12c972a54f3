"""Every text of the page has the contrast that WCAG asks for, by day and by night."""

import re

import pytest

from genir.report.html import TEMPLATES


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_texts_have_the_contrast_that_wcag_asks_for(dark: bool) -> None:
    style = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    colours = dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{3,6})", blocks[1] if dark else blocks[0]))
    ink, paper, card = colours["--ink"], colours["--paper"], colours["--card"]
    pairs = [(colours[f"--{name}"], ground) for name in ("ink", "soft", "link") for ground in (paper, card)]
    pairs += [(colours[f"--{name}"], colours[f"--{name}-fill"]) for name in ("good", "bad", "open", "none")]
    pairs += [(ink, colours["--none-fill"]), (colours["--link"], colours["--none-fill"])]
    pairs += [(ink, _mixed(colours["--loss-tint"], paper, 0.5))]  # the darkest cell of Table 3
    assert [(pair, round(_contrast(*pair), 2)) for pair in pairs if _contrast(*pair) < 4.5] == []
    marks = [(colours[f"--series-{i}"], ground) for i in range(1, 6) for ground in (paper, card)]
    assert [(pair, round(_contrast(*pair), 2)) for pair in marks if _contrast(*pair) < 3] == []


def _rgb(colour: str) -> tuple[float, float, float]:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    red, green, blue = (int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4))
    return red, green, blue


def _mixed(top: str, ground: str, share: float) -> str:
    mixed = (round(255 * (share * a + (1 - share) * b)) for a, b in zip(_rgb(top), _rgb(ground), strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2, relative luminance and contrast ratio."""

    def luminance(colour: str) -> float:
        red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _rgb(colour))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
