"""Request traces: what is read, what is refused, and in which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from mimesim.dram import read_requests
from mimesim.dram import requests as module
from mimesim.errors import InputError

GOOD = "# a comment\n0x40 READ 0\n\n0X7fffffffffffffc0\tWRITE  5 \r\n  0x0 read 5\n0xFF write 900000000000000000"


@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
@pytest.mark.parametrize("end", ["", "\n"])
def test_a_trace_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int, end: str) -> None:
    monkeypatch.setattr(module, "_CHUNK_BYTES", chunk)
    (tmp_path / "a.trace").write_text(GOOD + end)
    found = read_requests(str(tmp_path / "a.trace"))
    assert found.address.tolist() == [0x40, 0x7FFFFFFFFFFFFFC0, 0, 0xFF]
    assert found.write.tolist() == [False, True, False, True]
    assert found.arrival.tolist() == [0, 5, 5, 900000000000000000]


FORM = "must read 0x<address> READ|WRITE <arrival clock>, such as 0x1f40 READ 12"


@pytest.mark.parametrize("chunk", [1, 30, 1 << 20])
@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("40 READ 7", FORM),
        ("0x40 FETCH 7", FORM),
        ("0x40 READ", FORM),
        ("0x40 READ 7 8", FORM),
        ("0x40 READ -7", FORM),
        ("0x40 READ 7.5", FORM),
        ("0x READ 7", FORM),
        ("0x12345678123456780 READ 7", FORM),
        ("0x40 READ 1234567890123456789", FORM),
        ("0x40 READ 3", "arrives before the line above, at clock 5"),
    ],
)
def test_a_wrong_line_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, rule: str, chunk: int
) -> None:
    monkeypatch.setattr(module, "_CHUNK_BYTES", chunk)
    path = tmp_path / "a.trace"
    path.write_text(f"0x40 READ 0\n# between\n0x80 WRITE 5\n{line}\n0x80 WRITE 9\n")
    with pytest.raises(InputError) as caught:
        read_requests(str(path))
    assert str(caught.value) == f"{path}:4: {line!r}: {rule}"


def test_other_mistakes(tmp_path: Path) -> None:
    (tmp_path / "empty.trace").write_text("# nothing\n\n")
    (tmp_path / "binary.trace").write_bytes(bytes(range(256)))
    for name, message in (
        ("empty.trace", "holds no request; a line reads 0x<address>"),
        ("binary.trace", "must read 0x<address>"),
        ("none.trace", "there is no such file; '-' reads stdin"),
        (".", "is a folder; a trace is a text file of requests"),
    ):
        with pytest.raises(InputError, match=message.replace("|", r"\|")):
            read_requests(str(tmp_path / name))
