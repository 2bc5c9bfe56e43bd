"""``python -m apps.practice.company OUT_DIR``: write the practice company's files."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .files import write_company


def main(arguments: list[str]) -> int:
    """Write the files below the directory named; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m apps.practice.company", description=__doc__)
    parser.add_argument("out_dir", type=Path, help="directory to write to, made if missing")
    written = write_company(parser.parse_args(arguments).out_dir)
    size = sum(path.stat().st_size for path in written)
    sys.stdout.write(f"{len(written)} files, {size:,} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
