"""The error tree: everything that Respun raises on purpose.

    RespunError
    ├── InputError      a text or file that cannot be read or scored (exit 1)
    ├── BundleError     weights that are missing, altered or from another version (exit 1)
    ├── ConfigError     a configuration that cannot be used (exit 2)
    └── CorpusError     a corpus archive, record or split that breaks its contract (exit 1)

Each message is one line that names the thing, the problem and the remedy, so that the
edges (command line, HTTP) can print it as it is.
"""

from __future__ import annotations


class RespunError(Exception):
    """Base of all errors raised on purpose; the message is one line for a person."""


class InputError(RespunError):
    """A text or file cannot be read or scored."""


class BundleError(RespunError):
    """A bundle of weights is missing, altered, or from an unknown version."""


class ConfigError(RespunError):
    """A configuration cannot be used."""


class CorpusError(RespunError):
    """A corpus archive, record or split breaks its contract."""
