# A score table as HTML for notebooks: self-contained, everything escaped, readable on light and dark pages.

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ripe.table import ScoreTable

# Colours are the page's own, or half transparent, so that the table needs not know whether the page is dark.
_STYLE = """
.ripe-scores { font-variant-numeric: tabular-nums; }
.ripe-scores table { border-collapse: collapse; }
.ripe-scores th, .ripe-scores td { padding: 0.25em 0.75em; text-align: right; border-bottom: 1px solid #8884;
} .ripe-scores .name, .ripe-scores .note { text-align: left; }
.ripe-scores .pick { background: #2a93; font-weight: 600; }
.ripe-scores .dim { opacity: 0.6; }
.ripe-scores .bar { display: inline-block; height: 0.7em; background: currentColor; opacity: 0.5; }
.ripe-scores p, .ripe-scores ul { max-width: 60em; text-align: left; margin: 0.5em 0; }
"""
_LONGEST_BAR = 6.0  # em


def table_html(table: ScoreTable, titles: list[str], rows: list[list[str]]) -> str:
    """The table, the recommendation's sentence and what to know before relying on it."""
    name = titles.index("checkpoint")
    head = "".join(_cell("th", title, place, name, len(titles)) for place, title in enumerate(titles))
    shares = _shares(table)
    body = [
        _line(table, number, cells, name, share) for number, (cells, share) in enumerate(zip(rows, shares))
    ]
    remarks = [escape(warning) for warning in table.warnings]
    remarks += [f"left out: {escape(path)}: {escape(reason)}" for path, reason in table.excluded.items()]
    return (
        f'<div class="ripe-scores"><style>{_STYLE}</style><table><thead><tr>{head}<th></th></tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table><p>{escape(table.sentence)}</p>"
        + (f"<ul>{''.join(f'<li>{remark}</li>' for remark in remarks)}</ul>" if remarks else "")
        + "</div>"
    )


def _line(table: ScoreTable, number: int, cells: list[str], name: int, share: float) -> str:
    row = table.rows[number]
    kind = "pick" if row.note == "recommended" else "dim" if row.rank is None else ""
    filled = "".join(_cell("td", cell, place, name, len(cells)) for place, cell in enumerate(cells))
    bar = f'<td class="note"><span class="bar" style="width:{share * _LONGEST_BAR:.2f}em"></span></td>'
    return f'<tr class="{kind}" title="{escape(row.checkpoint.path)}">{filled}{bar}</tr>'


def _cell(tag: str, text: str, place: int, name: int, count: int) -> str:
    kind = ' class="name"' if place == name else ' class="note"' if place == count - 1 else ""
    return f"<{tag}{kind}>{escape(text)}</{tag}>"


def _shares(table: ScoreTable) -> list[float]:
    """The length of each bar: 0.1 for the lowest score that can be picked, 1 for the highest and beyond."""
    known = [row.score for row in table.rows if row.rank is not None and row.score == row.score]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    spread = high - low

    def share(score: float) -> float:
        if score != score:
            return 0.0
        return 0.5 if spread <= 0 else min(1.0, max(0.1, 0.1 + 0.9 * (score - low) / spread))

    return [share(row.score) for row in table.rows]
