"""Downloads, from a server of the test's own: checked, continued, and one clear error when they fail."""

from __future__ import annotations

import errno
import io
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torchvision
from rich.console import Console

from mimesim.errors import InputError
from mimesim.training.sources import download, load_dataset, tiny_imagenet
from mimesim.training.sources.download import fetch
from tests.image_sets import jpeg, md5, noise, write_public_cifar, write_public_tiny

WNID = tiny_imagenet.CLASSES[5]


class Server(ThreadingHTTPServer):
    """Serves *content* at every path; *cut_at* ends a connection after so many bytes, *ranges* lets it go on later."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = b""
        self.cut_at: int | None = None
        self.ranges = True
        self.asked: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/set.zip"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.end_headers()

    def do_GET(self) -> None:
        server, asked = self.server, self.headers["Range"]
        server.asked.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and server.ranges else 0
        if start >= len(server.content) > 0:
            self.send_error(416)
            return
        body = server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: server.cut_at])

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def tiny(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tiny-ImageNet at an address of the test's; returns the empty folder that it will be downloaded into."""
    lines = f"val_0.JPEG\t{WNID}\t0\t0\t1\t1\n".encode()
    packed = write_public_tiny(tmp_path, {"val/val_annotations.txt": lines, "val/images/val_0.JPEG": jpeg(60)})
    server.content = packed.read_bytes()
    monkeypatch.setattr(tiny_imagenet, "URL", server.url)
    monkeypatch.setattr(tiny_imagenet, "MD5", md5(server.content))
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("MIMESIM_DATA", str(folder))
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_download_is_made_once(tiny: Path, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        loaded = load_dataset("tinyimagenet100", "test", subset=False)
        assert (loaded.labels.tolist(), loaded.ids.tolist(), loaded.images[0, 0, 0, 0].item()) == ([5], [0], 60)
    assert server.asked == [None]
    assert names(tiny) == ["tiny-imagenet-200.zip"]
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.strip() == f"downloading {server.url} (0 MB) to {tiny}"


def test_a_wrong_checksum(tiny: Path, server: Server) -> None:
    server.content = server.content[:-1] + b"!"
    with pytest.raises(InputError, match=rf"{server.url}: '{md5(server.content)}': arrived damaged: its md5 must be"):
        load_dataset("tinyimagenet100", "test")
    assert names(tiny) == []


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_connection_goes_on_later(tiny: Path, server: Server, ranges: bool) -> None:
    server.ranges, server.cut_at = ranges, 100
    rule = (
        rf"is missing, and {server.url} could not be fetched \(the connection ended after 100 of {len(server.content)}"
    )
    with pytest.raises(InputError, match=rule):
        load_dataset("tinyimagenet100", "test")
    assert names(tiny) == ["tiny-imagenet-200.zip.partial"]
    server.cut_at = None
    assert len(load_dataset("tinyimagenet100", "test", subset=False)) == 1
    assert server.asked == [None, "bytes=100-"]
    assert names(tiny) == ["tiny-imagenet-200.zip"]


def test_all_had_arrived_when_it_was_killed(tmp_path: Path, server: Server) -> None:
    server.content = b"abc"
    (tmp_path / "set.zip.partial").write_bytes(b"abc")
    fetch(server.url, md5(b"abc"), tmp_path / "set.zip")
    assert (tmp_path / "set.zip").read_bytes() == b"abc"


def test_what_had_arrived_was_something_else(tmp_path: Path, server: Server) -> None:
    server.content = b"abc"
    (tmp_path / "set.zip.partial").write_bytes(b"xyz and more")
    with pytest.raises(InputError, match="arrived damaged"):
        fetch(server.url, md5(b"abc"), tmp_path / "set.zip")
    fetch(server.url, md5(b"abc"), tmp_path / "set.zip")
    assert names(tmp_path) == ["set.zip"]


def test_no_server(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"set\.zip: is missing, and .* could not be fetched .*put the file there"):
        fetch("http://127.0.0.1:1/set.zip", "", tmp_path / "set.zip")
    assert names(tmp_path) == []


def test_a_page_that_is_gone(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Handler, "do_GET", lambda self: self.send_error(404))
    with pytest.raises(InputError, match=r"could not be fetched \(HTTP Error 404: Not Found\)"):
        load_dataset("tinyimagenet100", "test")
    assert names(tiny) == []


class Full(io.FileIO):
    """A file on a disk that has no room for a second byte."""

    def write(self, content: Any) -> int:
        if len(content) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(content)


def test_a_full_disk(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "open", lambda path, mode="r", **_: Full(path, mode))
    with pytest.raises(InputError, match=rf"{tiny}: cannot be written to \(No space left on device\); make room"):
        load_dataset("tinyimagenet100", "test")
    assert names(tiny) == []


def test_a_folder_without_leave_to_write(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match=rf"{tiny}: cannot be written to \(Permission denied\).*MIMESIM_DATA"):
        load_dataset("tinyimagenet100", "test")


@pytest.mark.usefixtures("tiny")
def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(download, "Console", lambda stderr: Console(stderr=stderr, force_terminal=True, width=120))
    load_dataset("tinyimagenet100", "test", subset=False)
    printed = capsys.readouterr()
    assert "tiny-imagenet-200.zip" in printed.err
    assert "━" in printed.err
    assert "downloading" not in printed.err
    assert printed.out == ""


@pytest.fixture
def cifar_archive(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """CIFAR-10 at an address of the test's; returns the empty folder that it will be downloaded into."""
    images = noise(4, (32, 32, 3))
    top = write_public_cifar(monkeypatch, tmp_path, 10, {"train": (images, [1, 2, 3, 4]), "test": (images[:2], [5, 6])})
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        archive.add(top, top.name)
    server.content = stream.getvalue()
    kind = torchvision.datasets.CIFAR10
    monkeypatch.setattr(kind, "url", server.url)
    monkeypatch.setattr(kind, "tgz_md5", md5(server.content))
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("MIMESIM_DATA", str(folder))
    return folder


def test_torchvision_downloads_what_is_not_there(
    cifar_archive: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load_dataset("cifar10", "train", subset=False).labels.tolist() == [1, 2, 3, 4]
    asked = len(server.asked)
    assert asked > 0
    assert load_dataset("cifar10", "test", subset=False).labels.tolist() == [5, 6]
    # a damaged file is taken out of the archive again
    (cifar_archive / "cifar-10-batches-py" / "test_batch").write_bytes(b"damaged")
    assert load_dataset("cifar10", "test", subset=False).labels.tolist() == [5, 6]
    assert len(server.asked) == asked
    assert capsys.readouterr().out == ""


def test_torchvision_gets_something_else(cifar_archive: Path, server: Server) -> None:
    server.content = b"not the archive"
    with pytest.raises(InputError, match=rf"{cifar_archive}: holds no whole CIFAR10, and downloading it failed \("):
        load_dataset("cifar10", "train")


def test_torchvision_on_a_full_disk(cifar_archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tarfile.TarFile, "extractall", full)
    with pytest.raises(InputError, match=rf"{cifar_archive}: cannot be written to \(No space left on device\)"):
        load_dataset("cifar10", "train")


def test_torchvision_without_a_network(cifar_archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchvision.datasets.CIFAR10, "url", "http://127.0.0.1:1/cifar.tar.gz")
    with pytest.raises(InputError, match=rf"{cifar_archive}: holds no whole CIFAR10, and downloading .*put it there"):
        load_dataset("cifar10", "test")
