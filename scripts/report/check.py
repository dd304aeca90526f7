#!/usr/bin/env python3
"""Loads reports in headless Chromium and says what is wrong with them. Standard library only; see check.sh."""

import argparse
import html.parser
import json
import pathlib
import subprocess
import sys
import tempfile

# Sections that stand on every report of scores, and those of a whole 'ripe run'.
ALWAYS = ["main", "recommendation", "curve", "checkpoints", "rules", "heat-map", "provenance", "hashes"]
RUN = ["samples", "learning-curves", "metrics", "overlays"]
# (name, width, height, dark). A window has at least 500 pixels, so narrow pages are looked at within a frame.
WINDOWS = [("wide", 1280, 2400, False), ("narrow", 390, 3000, False), ("dark", 1280, 2400, True)]

# Runs in a page around the report: measures its document and reports by the title.
PROBE = """<!DOCTYPE html><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>waiting</title>
<style>body{margin:0}</style><iframe id="f" src="%s" style="border:0;width:%dpx;height:%dpx"></iframe>
<script>f.onload = () => { const d = f.contentDocument, found = [];
for (const e of d.querySelectorAll('body *')) {
  if (e.closest('.scroll, svg, .skip')) continue;
  const r = e.getBoundingClientRect();
  if (r.width && r.right > %d + 1) found.push(e.tagName + '.' + e.className); }
const images = [...d.images].filter(i => !i.naturalWidth).length;
document.title = JSON.stringify({wide: found.slice(0, 5), images: images, height: d.documentElement.scrollHeight,
  panels: [...d.querySelectorAll('.plot svg')].filter(s => s.getBoundingClientRect().width > 0).length}); }</script>"""


class Elements(html.parser.HTMLParser):
    """Collects identifiers, and what must not be there."""

    def __init__(self):
        super().__init__()
        self.ids, self.problems, self.title, self.in_title = [], [], "", False

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if "id" in values:
            self.ids.append(values["id"])
        if tag == "script" or any(name.startswith("on") for name in values):
            self.problems.append(f"<{tag}> holds a script")
        for name in ("src", "href"):
            if not values.get(name, "#").startswith(("#", "data:")):
                self.problems.append(f"<{tag}> loads {values[name][:60]}")
        if tag == "img" and not values.get("alt"):
            self.problems.append("a picture has no words")
        self.in_title = tag == "title" and not self.title

    def handle_data(self, data):
        if self.in_title:
            self.title, self.in_title = data, False


def chromium(browser, *arguments):
    """Runs the browser; what it printed, and the lines of its console."""
    with tempfile.TemporaryDirectory() as profile:
        run = subprocess.run(
            [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr",
             "--allow-file-access-from-files", f"--user-data-dir={profile}", "--virtual-time-budget=4000", *arguments],
            capture_output=True, text=True, timeout=180)
    return run.stdout, [line for line in run.stderr.splitlines() if ":CONSOLE" in line]


def check(path, browser, needs_run):
    """The problems of one report."""
    address = path.resolve().as_uri()
    dom, console = chromium(browser, "--dump-dom", address)
    page = Elements()
    page.feed(dom)
    problems = page.problems + console
    problems += [f"no element {name}" for name in ALWAYS + (RUN if needs_run else []) if name not in page.ids]
    problems += [f"{name} occurs twice" for name in sorted({i for i in page.ids if page.ids.count(i) > 1})]
    for name, width, height, dark in WINDOWS:
        theme = ["--blink-settings=preferredColorScheme=0"] if dark else []
        with tempfile.NamedTemporaryFile("w", suffix=".html") as frame:
            frame.write(PROBE % (address, width, height, width))
            frame.flush()
            place = pathlib.Path(frame.name).as_uri()
            dom, console = chromium(browser, *theme, "--dump-dom", place)
            title = Elements()
            title.feed(dom)
            found = json.loads(title.title) if title.title.startswith("{") else {"wide": ["it did not load"], "images": 0}
            picture = path.with_name(f"{path.stem}-{name}.png")
            chromium(browser, *theme, f"--screenshot={picture}", f"--window-size={max(width, 500)},{height}", place)
        problems += [f"{name}: {line}" for line in console]
        problems += [f"{name}: wider than {width} pixels: {', '.join(found['wide'])}"] if found["wide"] else []
        problems += [f"{name}: {found['images']} pictures do not load"] if found["images"] else []
        problems += [] if found.get("panels") else [f"{name}: no drawing is visible"]
        problems += [] if picture.exists() else [f"{name}: no screenshot"]
        print(f"{path}: {name}: {found.get('height')} pixels high, {found.get('panels')} drawings, {picture}")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reports", nargs="+", type=pathlib.Path)
    parser.add_argument("--browser", default="chromium")
    parser.add_argument("--all", action="store_true", help="expect the parts of a fine-tuning too")
    options = parser.parse_args()
    problems = [f"{path}: {text}" for path in options.reports for text in check(path, options.browser, options.all)]
    for problem in problems:
        print("WRONG", problem)
    print("report: " + ("nothing is wrong" if not problems else f"{len(problems)} problems"))
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
