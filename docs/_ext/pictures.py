"""Pictures in ``docs/_static``, written by ``python docs/_ext/pictures.py``: tests check that they show what is so.

``shell.svg`` is a conversation with the shell as it takes place; ``cost.svg`` a chart of the table in
``docs/performance.md`` that stands between the marks ``cost``; ``layers.svg`` the layers of the package.
"""

from __future__ import annotations

import html
import io
import math
import re
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1]
STATIC = DOCS / "_static"
COLUMNS = 84

TYPED = [
    'select("data", get(ref(collection("spells"), "101")))',
    'Map(Paginate(Match(Index("spells_by_element"), "earth")), s => Select(["data", "name"], Get(s)))',
    '[name.upper() for name in _["data"]]',
    'Call("price_of", "Soup")',
    ":ls",
]


def shell() -> str:
    """A conversation on the data of `faunadb demo`, as SVG."""
    from rich.console import Console
    from rich.syntax import Syntax
    from rich.text import Text

    from faunadb.cli import demo, shell_commands  # noqa: F401 - the second brings the commands along
    from faunadb.cli.connection import Connection
    from faunadb.cli.session import Session
    from faunadb.fql.texts import is_javascript

    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    connection = Connection("sqlite://?name=picture", "secret")
    demo.load(connection.root)
    console.print(Text("$ faunadb shell sqlite:///app.db", style="bold"))
    said = io.StringIO()
    session = Session(connection, said, said, colour=True, width=COLUMNS)
    for typed in TYPED:
        session.run(typed)
        language = "javascript" if is_javascript(typed) else "python"
        line = Text("> ", style="bold") + Syntax("", language, theme="ansi_dark").highlight(typed)
        line.rstrip()
        console.print(line)
        console.print(Text.from_ansi(said.getvalue().rstrip("\n")))
        said.seek(0)
        said.truncate()
    connection.close()
    return console.export_svg(title="faunadb shell", unique_id="shell", code_format=_plain_frame())


def _plain_frame() -> str:
    """The frame of rich's pictures, without fonts from another host."""
    from rich._export_format import CONSOLE_SVG_FORMAT

    return re.sub(r"@font-face \{\{.*?\}\}\s*(?=@font-face|\.)", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


def cost_table() -> list[tuple[str, float, float]]:
    """What, and how many times as long as with this package: from, to."""
    text = (DOCS / "performance.md").read_text(encoding="utf-8")
    table = text.split("<!-- cost -->")[1].split("<!-- end of cost -->")[0]
    rows = []
    for what, figure in re.findall(r"^\| (.+?) \| ([\d. -]+) \|$", table, re.MULTILINE):
        bounds = [float(number) for number in figure.split(" - ")]
        rows.append((what, bounds[0], bounds[-1]))
    return rows


def cost() -> str:
    """The table as bars on a logarithmic scale, as SVG."""
    rows = cost_table()
    least, most = 0.05, max(row[2] for row in rows) * 1.3
    left, width, height = 250, 460, 30

    def place(value: float) -> float:
        return round(left + width * math.log(value / least) / math.log(most / least), 1)

    parts = []
    for number, (what, low, high) in enumerate(rows):
        top = 46 + number * height
        own = ' class="own"' if low == high == 1 else ""
        figure = f"{low:g}" if low == high else f"{low:g} - {high:g}"
        end = place(math.sqrt(low * high))
        parts += [
            f'<text x="{left - 10}" y="{top + 15}" class="what">{html.escape(what)}</text>',
            f'<rect x="{left}" y="{top}" width="{round(end - left, 1)}" height="20" rx="3"{own}/>',
            f'<text x="{end + 6}" y="{top + 15}">{figure}</text>',
        ]
    bottom = 46 + len(rows) * height
    title = "A document found by an indexed field, among 10,000: times as long as here (logarithmic)"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 820 {bottom + 8}" role="img" aria-labelledby="t">',
            f'<title id="t">{title}</title>',
            "<style>rect{fill:#9aa5b1}.own{fill:#3355cc}text{font:13px system-ui,sans-serif;fill:#1f2933}"
            ".what{text-anchor:end}.head{font-weight:600}</style>",
            f'<rect width="820" height="{bottom + 8}" style="fill:#fff"/>',
            f'<text x="10" y="24" class="head">{title}</text>',
            *parts,
            "</svg>",
            "",
        ]
    )


#: The rows of the layers, from the top: what stands beside a row's first, and its boxes with what is in them. A box imports
#: only from those below it and to the right of it. (tests/docs/test_architecture.py compares with pyproject.toml.)
LAYERS = [
    (
        "ways in",
        [
            ("testing", "pytest plugin"),
            ("cli", "command line"),
            ("server", "HTTP"),
            ("dashboard", "web pages"),
        ],
    ),
    ("FQL as text", [("fql", "Python and JavaScript style")]),
    (
        "the driver",
        [
            ("client · streams", "queries, events"),
            ("page · objects · query · errors", "what applications import"),
        ],
    ),
    (
        "the engine",
        [
            ("engine/adapter", "behind a session"),
            ("engine/wire", "protocol, no socket"),
            ("engine/loading", "imports"),
            ("engine/checking", "whole stores"),
        ],
    ),
    ("", [("engine/engine", "from opening to closing"), ("engine/queries", "run against a store")]),
    (
        "",
        [
            ("engine/streaming", "event streams"),
            ("engine/background", "work behind queries"),
            ("engine/functions", "the forms"),
            ("engine/answers · attempts", "kept answers, repeated writes"),
        ],
    ),
    (
        "",
        [
            ("engine/request", "and how it ends"),
            ("engine/schema", "collections, keys, roles, ..."),
            ("engine/sets", "reading sets"),
        ],
    ),
    ("", [("engine/auth", "principals, permissions")]),
    ("", [("engine/documents", "versions and history")]),
    ("", [("engine/indexes", "definitions, entries, keys")]),
    (
        "",
        [("engine/language", "values, parser, evaluation"), ("engine/storage", "SQLite, PostgreSQL")],
    ),
    (
        "",
        [
            ("engine/java", "patterns, times, collation, ..."),
            ("engine/companions · opened", "signals, exit"),
        ],
    ),
    (
        "",
        [
            ("engine/ending · forks", "exit, children"),
            ("engine/integers · json_text", "numbers and JSON as text"),
            ("engine/defaults · records", "what all share"),
        ],
    ),
]


def layers() -> str:
    """The layers of the package, as SVG."""
    left, right, height, step = 112, 750, 46, 56
    parts = []
    for number, (label, boxes) in enumerate(LAYERS):
        top = 10 + number * step
        if label:
            if number:
                parts.append(f'<line x1="10" y1="{top - 5}" x2="{right}" y2="{top - 5}" class="rule"/>')
            parts.append(f'<text x="10" y="{top + 28}" class="label">{label}</text>')
        width = (right - left - 10 * (len(boxes) - 1)) / len(boxes)
        for place, (name, what) in enumerate(boxes):
            x = left + place * (width + 10)
            middle = f"{x + width / 2:.0f}"
            parts += [
                f'<rect x="{x:.0f}" y="{top}" width="{width:.0f}" height="{height}" rx="4"/>',
                f'<text x="{middle}" y="{top + 20}" class="name">{html.escape(name)}</text>',
                f'<text x="{middle}" y="{top + 36}" class="what">{html.escape(what)}</text>',
            ]
    bottom = 10 + len(LAYERS) * step
    title = "The layers of faunadb: a folder imports only from those below it, or to the right of it"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 {bottom}" role="img" aria-labelledby="t">',
            f'<title id="t">{title}</title>',
            "<style>rect{fill:#f4f6fa;stroke:#7b8794}text{font-family:system-ui,sans-serif;fill:#1f2933}"
            ".name{font-size:13px;font-weight:600;text-anchor:middle}"
            ".what{font-size:11px;text-anchor:middle;fill:#52606d}"
            ".label{font-size:12px;fill:#52606d}.rule{stroke:#cbd2d9;stroke-dasharray:3 3}</style>",
            f'<rect x="0" y="0" width="760" height="{bottom}" style="fill:#fff;stroke:none"/>',
            *parts,
            "</svg>",
            "",
        ]
    )


def words(svg: str) -> list[str]:
    """The texts of a picture, whatever it looks like."""
    found = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    return " ".join(html.unescape(text) for text in found).split()


PICTURES = {"shell": shell, "cost": cost, "layers": layers}

if __name__ == "__main__":
    sys.path.insert(0, str(DOCS.parent))
    for name, make in PICTURES.items():
        (STATIC / f"{name}.svg").write_text(make(), encoding="utf-8")
