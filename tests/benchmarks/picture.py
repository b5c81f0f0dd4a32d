"""Draws figures as a bar chart in SVG; colours hold on light and dark pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 860
LABEL = 330
BAR = 22
GAP = 12
TOP = 64
OURS = "#2f6fde"
OTHERS = "#9aa4b2"
BROKER = "#d8b25c"


@dataclass(frozen=True, slots=True)
class Bar:
    """One contender: commands a second, µs of the app's and of the broker's processor."""

    label: str
    per_second: int
    app_us: float
    broker_us: float
    ours: bool


def chart(title: str, subtitle: str, bars: Sequence[Bar]) -> str:
    """Two blocks: commands a second, then µs a command, app and broker side by side."""
    height = TOP + 2 * (len(bars) * (BAR + GAP) + 54)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(16, 26, title, 17, "bold"),
        _text(16, 46, subtitle, 12),
    ]
    most = max(bar.per_second for bar in bars)
    y = TOP + 16
    lines.append(_text(16, y, "commands a second (longer is better)", 13, "bold"))
    for bar in bars:
        y += BAR + GAP
        fill = OURS if bar.ours else OTHERS
        lines += _bar(y, bar.label, [(bar.per_second / most, fill)], f"{bar.per_second:,}")
    y += 54
    lines.append(
        _text(16, y, "µs of processor a command: app, broker (shorter is better)", 13, "bold")
    )
    most_us = max(bar.app_us + bar.broker_us for bar in bars)
    for bar in bars:
        y += BAR + GAP
        fill = OURS if bar.ours else OTHERS
        shares = [(bar.app_us / most_us, fill), (bar.broker_us / most_us, BROKER)]
        lines += _bar(y, bar.label, shares, f"{bar.app_us:,.0f} + {bar.broker_us:,.0f}")
    return "\n".join([*lines, "</svg>"]) + "\n"


def _bar(y: int, label: str, shares: list[tuple[float, str]], said: str) -> list[str]:
    x = float(LABEL)
    lines = [_text(16, y, label, 13)]
    for share, fill in shares:
        width = max(1.0, share * (WIDTH - LABEL - 110))
        lines.append(
            f'<rect x="{x:.0f}" y="{y - 15}" width="{width:.0f}" height="{BAR}" fill="{fill}"/>'
        )
        x += width
    return [*lines, _text(int(x) + 8, y, said, 13)]


def _text(x: int, y: int, said: str, size: int, weight: str = "normal") -> str:
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" fill="#1c2430">'
        f"{escape(said)}</text>"
    )
