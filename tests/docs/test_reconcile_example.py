"""The example of the page on reconciling two files does what the page says."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

from django.core.management import call_command

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "reconcile-two-files.md"


def test_the_files_of_the_page_give_its_answer(tmp_path: Path) -> None:
    rules, left, right, answer = re.findall(r"```(?:json|csv)\n(.*?)```", PAGE.read_text(), re.S)
    paths = []
    for name, content in (("bank.csv", left), ("ledger.csv", right), ("rules.json", rules)):
        path = tmp_path / name
        path.write_text(content)
        paths.append(str(path))
    out = io.StringIO()
    call_command(
        "reconcile",
        *("--left", paths[0], "--right", paths[1], "--rules", paths[2], "--json"),
        stdout=out,
    )
    assert json.loads(out.getvalue()) | {"seconds": 0} == json.loads(answer) | {"seconds": 0}
