"""Runs every command of docs/tutorial.md in order, in a new folder, and checks what the text shows of their output.

    make test-tutorial                                   all of it, two to three minutes on two cores
    scripts/tutorial/check.sh RIPE WHEEL [options]       the same, with this binary and this wheel

What the blocks of the tutorial are is told by the word after their three backticks:

    sh        commands: run by bash, which stops at the first that fails. Every block has a shell of its own in one folder.
    python    a file: the first line, such as "# pretrain.py", is its name. A later sh block must use it.
    (none)    the output of the sh block before it, as it was on one machine; numbers may differ on another. Above it stands a
              comment that a reader of the page does not see, <!-- output: Recommendation | Written to scores -->: what
              must be both in this block and in what the commands print here.
    console   installing: the one block that is not run, because this check stands in for it. It makes the same folders (the
              folder "tutorial" beside "fixtures"), and has `ripe`, `python` and the wheel where the commands look.

Files that the text speaks of are checked by the `ls` commands of the tutorial itself.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = ROOT / "docs" / "tutorial.md"
PIECE = re.compile(r"^```(?P<kind>.*)\n(?P<text>(?s:.*?))^```$|^<!-- output: (?P<words>.*) -->$", re.MULTILINE)
FILE_NAME = re.compile(r"# (\S+\.py)\n")
TERMINAL_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
SECONDS_A_BLOCK = 900


class TutorialError(Exception):
    """The tutorial says something that does not hold, or is not written as this check expects."""


@dataclass
class Block:
    """A fenced block, and the words that its comment says must be in the output."""

    kind: str
    text: str
    line: int
    words: list[str]

    def fail(self, problem: str) -> TutorialError:
        return TutorialError(f"{TUTORIAL.relative_to(ROOT)}, line {self.line}: {problem}")


def blocks_of(page: str) -> list[Block]:
    """The fenced blocks in order; the comment above an output block is joined to it."""
    fences = page.count("\n```")
    blocks: list[Block] = []
    words: list[str] = []
    for piece in PIECE.finditer(page):
        if piece["words"] is not None:
            words = piece["words"].split(" | ")
        else:
            line = page.count("\n", 0, piece.start()) + 1
            blocks.append(Block(piece["kind"], piece["text"], line, words))
            words = []
    if fences != 2 * len(blocks):
        raise TutorialError(f"{fences} lines of three backticks make {len(blocks)} blocks: one is not closed")
    return blocks


def check_form(blocks: list[Block]) -> None:
    """Every block is of a known kind and stands where it may, and nothing is shown that is not checked."""
    for number, block in enumerate(blocks):
        before = blocks[number - 1].kind if number else ""
        if block.kind not in ("sh", "python", "", "console"):
            raise block.fail(f"a block of kind '{block.kind}' is not known here")
        if block.kind == "" and not (before == "sh" and block.words):
            raise block.fail("an output block needs an sh block before it and a comment '<!-- output: … -->'")
        if block.kind != "" and block.words:
            raise block.fail("the comment '<!-- output: … -->' belongs above an output block")
        if block.kind == "python" and not is_used(file_name(block), blocks[number + 1 :]):
            raise block.fail(f"{file_name(block)} is never used")
        for word in block.words:
            if word not in block.text:
                raise block.fail(f"the comment says '{word}', but the block below does not show it")
    if [block.kind for block in blocks].count("console") != 1:
        raise TutorialError("the tutorial must have one console block, how to install, and no other")


def file_name(block: Block) -> str:
    name = FILE_NAME.match(block.text)
    if not name:
        raise block.fail("a python block begins with its file's name, such as '# pretrain.py'")
    return name[1]


def is_used(name: str, blocks: list[Block]) -> bool:
    return any(name in block.text for block in blocks if block.kind == "sh")


def check_links(page: str) -> None:
    """Files that the text links to are there."""
    for target in re.findall(r"\]\(([^)#:]+)\)", page):
        if not (TUTORIAL.parent / target).exists():
            raise TutorialError(f"the link to {target} leads nowhere")


class Reader:
    """Does what the tutorial says, in a folder laid out as its console block lays it out."""

    def __init__(self, folder: Path, ripe: Path, site: Path):
        self.folder = folder / "tutorial"
        self.folder.mkdir()
        (folder / "fixtures").symlink_to(ROOT / "fixtures")
        programs = folder / "programs"
        programs.mkdir()
        (programs / "ripe").symlink_to(ripe)
        path = [str(programs), str(Path(sys.executable).parent), os.environ["PATH"]]
        self.environment = {
            **os.environ,
            "PATH": os.pathsep.join(path),
            "PYTHONPATH": str(site),
            "XDG_CACHE_HOME": str(folder / "cache"),  # every score is computed, and none is left behind
        }

    def write(self, block: Block) -> None:
        (self.folder / file_name(block)).write_text(block.text, encoding="utf-8")

    def run(self, block: Block) -> str:
        """What the commands print, errors included."""
        try:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block.text], cwd=self.folder, env=self.environment, text=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS_A_BLOCK,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise block.fail(f"not done after {SECONDS_A_BLOCK} seconds:\n{block.text}") from None
        output = TERMINAL_CODES.sub("", done.stdout)
        if done.returncode != 0:
            raise block.fail(f"exit code {done.returncode}:\n{block.text}\n{output}")
        return output


def check_output(block: Block, output: str) -> None:
    missing = [word for word in block.words if word not in output]
    if missing:
        shown = "', '".join(missing)
        raise block.fail(f"the output lacks '{shown}'. It is:\n{output}")


def follow(blocks: list[Block], reader: Reader) -> None:
    """Writes the files and runs the commands, one block after the other."""
    output = ""
    for block in blocks:
        begin = time.monotonic()
        if block.kind == "python":
            reader.write(block)
            print(f"  wrote {file_name(block)}", flush=True)
        elif block.kind == "sh":
            output = reader.run(block)
            print(f"  {time.monotonic() - begin:5.1f} s  {block.text.splitlines()[0]}", flush=True)
        elif block.kind == "":
            check_output(block, output)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ripe", type=Path, required=True, help="the program")
    parser.add_argument("--site", type=Path, required=True, help="a folder that the wheel was installed into")
    parser.add_argument("--keep", type=Path, help="work in this new folder and leave it, instead of a temporary one")
    arguments = parser.parse_args()
    page = TUTORIAL.read_text(encoding="utf-8")
    begin = time.monotonic()
    try:
        blocks = blocks_of(page)
        check_form(blocks)
        check_links(page)
        with tempfile.TemporaryDirectory(prefix="ripe-tutorial-") as temporary:
            folder = arguments.keep or Path(temporary)
            folder.mkdir(parents=True, exist_ok=folder == Path(temporary))
            follow(blocks, Reader(folder.resolve(), arguments.ripe.resolve(), arguments.site.resolve()))
    except TutorialError as error:
        sys.exit(str(error))
    commands = [block.kind for block in blocks].count("sh")
    print(f"All {commands} blocks of commands in docs/tutorial.md do what it says ({time.monotonic() - begin:.0f} s)")


if __name__ == "__main__":
    main()
