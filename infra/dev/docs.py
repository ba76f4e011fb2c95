#!/usr/bin/env python3
"""Runs the commands that the documentation shows: the blocks marked ```sh ci in README.md and docs/.

The blocks of one page run one after the other in one shell, at the top of the checkout, with a scratch folder in
$DAYBOOK_DOCS and the freshly built `daybook` in the path. A page passes when its last command and all before it do.
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

BLOCK = re.compile(r"^```sh ci\n(.*?)^```", re.MULTILINE | re.DOTALL)
SECONDS = 300


def run(script: str, path: str) -> str | None:
    """What the script said if it failed."""
    with tempfile.TemporaryDirectory() as scratch:
        os.chmod(scratch, 0o755)
        file = pathlib.Path(scratch, "page.sh")
        file.write_text(script)
        # A file, not a pipe: what the page left running would keep a pipe open.
        with tempfile.TemporaryFile("w+") as output:
            shell = subprocess.Popen(
                ["sh", "-eux", file],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                env=os.environ | {"PATH": path, "DAYBOOK_DOCS": scratch},
                start_new_session=True,
            )
            try:
                status = shell.wait(timeout=SECONDS)
                ending = ""
            except subprocess.TimeoutExpired:
                status, ending = 1, f"took longer than {SECONDS} s"
            output.seek(0)
            said = output.read() + ending
        # What the page left running, it left running by mistake.
        try:
            os.killpg(shell.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
        return None if status == 0 else said


def main() -> int:
    root = pathlib.Path(__file__).resolve().parents[2]
    os.chdir(root)
    about = subprocess.check_output(["cargo", "metadata", "--locked", "--format-version", "1", "--no-deps"])
    path = f"{json.loads(about)['target_directory']}/debug:{os.environ['PATH']}"
    passed = failed = 0
    for page in sorted([root / "README.md", *(root / "docs").rglob("*.md")]):
        blocks = BLOCK.findall(page.read_text()) if page.is_file() else []
        if not blocks:
            continue
        said = run("\n".join(blocks), path)
        print(f"{'ok    ' if said is None else 'FAILED'} {page.relative_to(root)}")
        if said is None:
            passed += 1
        else:
            failed += 1
            print(said)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
