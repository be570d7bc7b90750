"""Workbooks, opened in a process of their own.

A damaged workbook can make the parser allocate all memory, loop or abort, which no exception handler of this process
survives: one bad file would take the rest of a delivery with it. The child may use so much memory and time and no more.
"""

from __future__ import annotations

import json
import subprocess
import sys

# Guards of the machine, not rules of the trial: the largest real export takes 0.1 GB and a second.
MEMORY_BYTES = 2 * 1024**3
SECONDS = 60

CHILD = """
import io, json, sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
except ImportError:
    pass
from datetime import date, time, timedelta
from python_calamine import CalamineWorkbook

def plain(cell):
    if isinstance(cell, (date, time)):
        return cell.isoformat()
    return str(cell) if isinstance(cell, timedelta) else cell

try:
    book = CalamineWorkbook.from_filelike(io.BytesIO(sys.stdin.buffer.read()))
    sheets = [(name, [list(map(plain, row)) for row in
               book.get_sheet_by_name(name).to_python(skip_empty_area=False)]) for name in book.sheet_names]
except BaseException as error:
    sys.exit(" ".join(str(error).split()) or type(error).__name__)
sys.stdout.write(json.dumps(sheets))
"""


class Damaged(Exception):
    """A workbook that cannot be read; the message says why."""


def read_workbook(data: bytes) -> list[tuple[str, list[list[str | float | bool]]]]:
    """Sheets of an xlsx, xlsm or xls workbook.

    Parameters
    ----------
    data : bytes
        Content of the file.

    Returns
    -------
    list of (str, list of list)
        Name and rows of each sheet in the order of the file; dates and times as ISO text.

    Raises
    ------
    Damaged
        When the parser fails, or needs more memory or time than any export does.
    """
    command = [sys.executable, "-P", "-c", CHILD, str(MEMORY_BYTES)]
    try:
        child = subprocess.run(command, input=data, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise Damaged(f"cannot be read within {SECONDS} s") from None
    if child.returncode == 1:
        raise Damaged(child.stderr.decode(errors="replace").strip().splitlines()[-1][:200])
    if child.returncode:
        raise Damaged("has cells so far apart, or so broken, that reading it fails")
    return json.loads(child.stdout)
