"""The corpus archives: found, verified, read in memory.

The first step of a build: readers get an `Archive` and never see where it came from.
Each corpus is a public repository at a pinned commit, and only the files that `archives.json`
names and the share rule keeps count. GitHub does not promise that an archive's compressed
bytes stay the same, so what is pinned is a digest of the content: it is checked on every
opening, and a mirror and a download give the same texts or an error. Nothing is ever
extracted to disk, so a member's name cannot reach outside.

Where archives come from: the folder that RESPUN_MIRROR names, else codeload.github.com, by
way of a cache (RESPUN_CACHE, or ~/.cache/respun).
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import tarfile
import tempfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from shutil import copyfileobj

from model.errors import CorpusError

FRONTIER = "frontier"
"""The name of the texts written for this project; they exist only in a mirror."""

DOWNLOAD_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Pin:
    """What a corpus must be, to the byte."""

    repository: str
    """OWNER/NAME on GitHub, or `frontier`."""
    commit: str
    files: tuple[str, ...]
    """The paths that are read, as glob patterns in which `*` also crosses `/`."""
    share: float
    """The part of these files that is kept; see `is_kept`."""
    archive_sha256: str
    """The mirror's file; a download's bytes may differ, its content may not."""
    content_sha256: str
    """See `content_digest`."""
    licence: str
    citation: str
    url: str

    @property
    def archive_name(self) -> str:
        """The file's name in a mirror."""
        return self.repository.replace("/", "__") + ".tar.gz"


class Archive:
    """The files of one corpus, in memory."""

    def __init__(self, repository: str, files: Mapping[str, bytes]) -> None:
        self.repository = repository
        self._files = dict(files)

    def paths(self) -> list[str]:
        """All paths inside the repository, sorted."""
        return sorted(self._files)

    def read(self, path: str) -> bytes:
        """The content of one file."""
        try:
            return self._files[path]
        except KeyError:
            raise CorpusError(
                f"{self.repository}: the archive holds no file {path}; see paths()"
            ) from None

    def read_text(self, path: str) -> str:
        """The content of one text file: UTF-8, or else Windows-1252."""
        content = self.read(path)
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            return content.decode("cp1252", "replace")


def pins() -> dict[str, Pin]:
    """All pinned corpora, by repository."""
    text = resources.files(__package__).joinpath("archives.json").read_text("utf-8")
    entries = [Pin(**{**entry, "files": tuple(entry["files"])}) for entry in json.loads(text)]
    return {pin.repository: pin for pin in entries}


def open_archive(repository: str) -> Archive:
    """Find, verify and read the pinned archive of OWNER/NAME, or `frontier`."""
    known = pins()
    if repository not in known:
        raise CorpusError(
            f"{repository}: no such pinned corpus; known are {', '.join(sorted(known))}"
        )
    return load(known[repository])


def load(pin: Pin) -> Archive:
    """Find, verify and read the archive of a pin.

    Raises CorpusError if it cannot be had or is not what was pinned.
    """
    if pin.repository == FRONTIER:
        return _load_frontier(pin)
    path = _in_mirror(pin, pin.archive_name) if _mirror() else _in_cache(pin)
    files = read_members(path, pin)
    found = content_digest(files)
    if found != pin.content_sha256:
        raise CorpusError(
            f"{path}: holds {len(files)} files of content {found[:12]}, the pin says"
            f" {pin.content_sha256[:12]}; delete it and fetch commit {pin.commit[:12]} again"
        )
    return Archive(pin.repository, files)


def is_kept(path: str, share: float) -> bool:
    """Whether the share rule keeps a file; `path` is inside the repository."""
    digest = hashlib.sha1(path.encode(), usedforsecurity=False).hexdigest()
    return int(digest[:8], 16) < share * 2**32


def content_digest(files: Mapping[str, bytes]) -> str:
    """sha256 over the sorted paths, each with the sha256 of its content."""
    total = hashlib.sha256()
    for path in sorted(files):
        total.update(f"{path}\0{hashlib.sha256(files[path]).hexdigest()}\n".encode())
    return total.hexdigest()


def read_members(path: Path, pin: Pin) -> dict[str, bytes]:
    """The files of a GitHub archive that the pin keeps, without the leading folder."""
    folder = f"{pin.repository.split('/')[1]}-{pin.commit}/"
    files: dict[str, bytes] = {}
    try:
        # one pass over the stream: seeking back in a gzip file would unpack it anew
        with tarfile.open(path, "r|gz") as archive:
            for member in archive:
                name = member.name.removeprefix(folder)
                if name == member.name or not member.isfile() or not _is_wanted(name, pin):
                    continue
                content = archive.extractfile(member)
                if content is not None:
                    files[name] = content.read()
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise CorpusError(
            f"{path}: not a readable tar.gz archive ({error}); delete it and fetch it again"
        ) from error
    return files


def _is_wanted(path: str, pin: Pin) -> bool:
    if ".." in path.split("/"):
        return False
    return is_kept(path, pin.share) and any(
        fnmatch.fnmatchcase(path, pattern) for pattern in pin.files
    )


def _mirror() -> str:
    return os.environ.get("RESPUN_MIRROR", "")


def _in_mirror(pin: Pin, name: str) -> Path:
    """The verified file of a mirror."""
    path = Path(_mirror()) / name
    if not path.is_file():
        raise CorpusError(
            f"{path}: not in the mirror; put it there, or unset RESPUN_MIRROR to download"
        )
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != pin.archive_sha256:
        raise CorpusError(
            f"{path}: sha256 is {found[:12]}, pinned is {pin.archive_sha256[:12]};"
            " copy it into the mirror again, or unset RESPUN_MIRROR to download"
        )
    return path


def _load_frontier(pin: Pin) -> Archive:
    if not _mirror():
        raise CorpusError(
            "frontier: these texts are in no public repository; set RESPUN_MIRROR to a folder"
            " that holds frontier/frontier.jsonl, or leave this corpus out of the config"
        )
    path = Path(_mirror()) / "frontier" / "frontier.jsonl"
    if not path.is_file():
        raise CorpusError(
            f"{path}: not in the mirror; put it there, or leave this corpus out of the config"
        )
    return Archive(FRONTIER, {path.name: _in_mirror(pin, "frontier/frontier.jsonl").read_bytes()})


def _in_cache(pin: Pin) -> Path:
    """The downloaded archive of the pinned commit, fetched where the cache lacks it."""
    default = Path.home() / ".cache" / "respun"
    folder = Path(os.environ.get("RESPUN_CACHE") or default)
    path = folder / f"{pin.archive_name.removesuffix('.tar.gz')}-{pin.commit[:12]}.tar.gz"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        _download(f"https://codeload.github.com/{pin.repository}/tar.gz/{pin.commit}", path)
    return path


def _download(url: str, path: Path) -> None:
    """Fetch to a temporary file beside `path` and move it there only when complete."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with (
            os.fdopen(handle, "wb") as file,
            urllib.request.urlopen(url, timeout=DOWNLOAD_TIMEOUT_S) as response,
        ):
            copyfileobj(response, file)
        os.replace(temporary, path)
    except (urllib.error.URLError, OSError) as error:
        raise CorpusError(
            f"{url}: cannot be downloaded ({error}); try again,"
            " or set RESPUN_MIRROR to a folder that holds the archives"
        ) from error
    finally:
        Path(temporary).unlink(missing_ok=True)
