"""``python -m tests.cost``: count every reference, and write figures.toml anew."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.cost.figures import as_toml
from tests.cost.references import FIGURES, REFERENCES, count
from tests.s3.servers import running_server


def main() -> None:
    with tempfile.TemporaryDirectory() as place, running_server(Path(place)) as server:
        counted = {}
        for name, reference in REFERENCES.items():
            with tempfile.TemporaryDirectory() as folder:
                counted[name] = count(reference, Path(folder), server)
    FIGURES.write_text(as_toml(counted))


if __name__ == "__main__":
    main()
