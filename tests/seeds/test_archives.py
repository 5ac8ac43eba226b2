"""Archives: found in a mirror or downloaded, verified, never trusted."""

from __future__ import annotations

import hashlib
import io
import tarfile
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from model.errors import CorpusError
from seeds.archives import Archive, Pin, content_digest, is_kept, load, open_archive, pins

COMMIT = "c" * 40
FILES = {"data/a.txt": b"toy a", "data/sub/b.txt": b"toy b", "README.md": b"toy readme"}
WANTED = {path: FILES[path] for path in ("data/a.txt", "data/sub/b.txt")}


def pack(files: dict[str, bytes], folder: str = f"toy-{COMMIT}/") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(folder + path)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def pin_for(archive: bytes, files: dict[str, bytes] = WANTED, share: float = 1) -> Pin:
    return Pin(
        repository="owner/toy",
        commit=COMMIT,
        files=("data/*.txt",),
        share=share,
        archive_sha256=hashlib.sha256(archive).hexdigest(),
        content_sha256=content_digest(files),
        licence="none stated",
        citation="toy",
        url="",
    )


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "mirror"
    folder.mkdir()
    monkeypatch.setenv("RESPUN_MIRROR", str(folder))
    return folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("RESPUN_MIRROR", raising=False)
    monkeypatch.setenv("RESPUN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_mirror_gives_the_pinned_files_without_the_leading_folder(mirror: Path) -> None:
    packed = pack(FILES)
    (mirror / "owner__toy.tar.gz").write_bytes(packed)
    archive = load(pin_for(packed))
    assert archive.repository == "owner/toy"
    assert archive.paths() == ["data/a.txt", "data/sub/b.txt"]
    assert archive.read("data/sub/b.txt") == b"toy b"


def test_a_file_missing_from_the_mirror_is_named(mirror: Path) -> None:
    with pytest.raises(CorpusError, match=r"owner__toy\.tar\.gz: not in the mirror; put"):
        load(pin_for(pack(FILES)))


def test_a_tampered_archive_is_refused(mirror: Path) -> None:
    (mirror / "owner__toy.tar.gz").write_bytes(pack({**FILES, "data/a.txt": b"forged"}))
    with pytest.raises(CorpusError, match=r"owner__toy\.tar\.gz: sha256 is \w{12}, pinned is"):
        load(pin_for(pack(FILES)))


def test_the_content_counts_even_where_the_bytes_are_as_pinned(mirror: Path) -> None:
    forged = pack({**FILES, "data/a.txt": b"forged"})
    (mirror / "owner__toy.tar.gz").write_bytes(forged)
    with pytest.raises(CorpusError, match="holds 2 files of content"):
        load(pin_for(forged))


def test_what_is_no_archive_is_refused_in_one_line(mirror: Path) -> None:
    cut_off = pack(FILES)[:60]
    for content in (b"<html>rate limit</html>", cut_off):
        (mirror / "owner__toy.tar.gz").write_bytes(content)
        with pytest.raises(CorpusError, match=r"not a readable tar\.gz archive") as error:
            load(pin_for(content))
        assert "\n" not in str(error.value)


def test_a_download_is_cached_and_verified(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # GitHub may pack anew: other bytes, and files that the mirror leaves out
    packed = pack({"other.txt": b"not read", **FILES})
    asked: list[str] = []

    def urlopen(url: str, timeout: float) -> io.BytesIO:
        asked.append(url)
        return io.BytesIO(packed)

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    pin = pin_for(pack(FILES))
    assert load(pin).paths() == load(pin).paths() == sorted(WANTED)
    assert asked == [f"https://codeload.github.com/owner/toy/tar.gz/{COMMIT}"]
    assert [path.suffix for path in cache.iterdir()] == [".gz"]


def test_a_broken_download_leaves_nothing_behind(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise urllib.error.URLError("reset")

    monkeypatch.setattr(urllib.request, "urlopen", lambda url, timeout: Broken())
    with pytest.raises(CorpusError, match=r"cannot be downloaded .* set RESPUN_MIRROR"):
        load(pin_for(pack(FILES)))
    assert list(cache.iterdir()) == []


def test_the_share_rule_hashes_the_path_inside_the_repository(mirror: Path) -> None:
    files = {f"data/{number}.txt": b"toy" for number in range(200)}
    kept = {
        path: content
        for path, content in files.items()
        if int(hashlib.sha1(path.encode()).hexdigest()[:8], 16) < 0.25 * 2**32
    }
    assert 20 < len(kept) < 80
    packed = pack(files)
    (mirror / "owner__toy.tar.gz").write_bytes(packed)
    assert load(pin_for(packed, kept, share=0.25)).paths() == sorted(kept)
    assert all(is_kept(path, 1) for path in files)


def test_no_member_reaches_outside_the_archive(mirror: Path) -> None:
    packed = pack({**FILES, "data/../../evil.txt": b"x", "data/x/../y.txt": b"x"})
    buffer = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(packed)) as source,
        tarfile.open(fileobj=buffer, mode="w:gz") as target,
    ):
        for member in source:
            target.addfile(member, source.extractfile(member))
        absolute = tarfile.TarInfo("/data/evil.txt")
        link = tarfile.TarInfo(f"toy-{COMMIT}/data/link.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        target.addfile(absolute)
        target.addfile(link)
    (mirror / "owner__toy.tar.gz").write_bytes(buffer.getvalue())
    assert load(pin_for(buffer.getvalue())).paths() == sorted(WANTED)


def test_frontier_exists_only_in_a_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RESPUN_MIRROR", raising=False)
    with pytest.raises(CorpusError, match=r"frontier: .* set RESPUN_MIRROR"):
        open_archive("frontier")
    monkeypatch.setenv("RESPUN_MIRROR", str(tmp_path))
    with pytest.raises(CorpusError, match=r"frontier\.jsonl: not in the mirror"):
        open_archive("frontier")

    (tmp_path / "frontier").mkdir()
    content = b'{"id": "toy"}\n'
    (tmp_path / "frontier" / "frontier.jsonl").write_bytes(content)
    with pytest.raises(CorpusError, match=r"frontier\.jsonl: sha256 is"):
        open_archive("frontier")
    pin = replace(pins()["frontier"], archive_sha256=hashlib.sha256(content).hexdigest())
    archive = load(pin)
    assert archive.paths() == ["frontier.jsonl"]
    assert archive.read("frontier.jsonl") == content


def test_every_pin_is_complete() -> None:
    known = pins()
    assert len(known) == 25
    for repository, pin in known.items():
        assert pin.repository == repository
        assert len(pin.archive_sha256) == len(pin.content_sha256) == 64
        assert 0 < pin.share <= 1
        assert pin.files
        assert pin.licence
        assert pin.citation
        if repository != "frontier":
            assert len(pin.commit) == 40
            assert pin.url == f"https://github.com/{repository}"
            assert pin.archive_name == repository.replace("/", "__") + ".tar.gz"


def test_an_unknown_corpus_or_file_is_an_error() -> None:
    with pytest.raises(CorpusError, match="nobody/nothing: no such pinned corpus; known are"):
        open_archive("nobody/nothing")
    with pytest.raises(CorpusError, match=r"owner/toy: the archive holds no file x\.txt"):
        Archive("owner/toy", {}).read("x.txt")


def test_text_is_utf8_or_else_windows_1252() -> None:
    archive = Archive(
        "owner/toy", {"u": "\ufeffcafé".encode(), "w": "café\u2019s".encode("cp1252")}
    )
    assert archive.read_text("u") == "café"
    assert archive.read_text("w") == "café\u2019s"
