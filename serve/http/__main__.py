"""`python -m serve.http`: read the settings, open the port, hand over to the supervisor.

Every worker imports this module before its own, so what is heavy is imported inside functions.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from model.errors import ConfigError, RespunError
from serve.http.settings import Settings, parse_settings
from serve.render import printable

EXIT_DONE, EXIT_FAILED, EXIT_USAGE = 0, 1, 2

OPENAPI_FILE = Path(__file__).with_name("openapi.json")
_EPILOG = """\
examples:
  python -m serve.http                        http://127.0.0.1:8080/, for this machine alone
  RESPUN_HTTP_KEYS=... python -m serve.http --host 0.0.0.0
  python -m serve.http --keys-file keys.txt --host 0.0.0.0 --workers 2 --threads 4
  curl -s http://127.0.0.1:8080/v1/score -H 'Content-Type: application/json' \\
    -d '{"texts": ["..."]}'

Every option may also come from the environment, as RESPUN_HTTP_PORT and so on; secrets come
from there alone: RESPUN_HTTP_KEYS and RESPUN_HTTP_CORAL_SECRETS (several, separated by commas),
RESPUN_HTTP_LABEL_STUDIO_PASSWORD. SIGHUP replaces the workers one by one and reads the keys file
anew; SIGTERM answers what was accepted, then ends.

exit codes:
  0  ended on request
  1  the port cannot be opened, or the weights cannot be used
  2  wrong usage
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the service until it is told to end; returns the exit code."""
    try:
        settings, options = _parse(arguments)
        if options.write_openapi:
            _write_openapi(settings)
            return EXIT_DONE
        return _serve(settings)
    except RespunError as error:
        print(f"respun: {printable(str(error))}", file=sys.stderr, flush=True)
        return EXIT_USAGE if isinstance(error, ConfigError) else EXIT_FAILED


def _parse(arguments: Sequence[str] | None) -> tuple[Settings, argparse.Namespace]:
    parser = argparse.ArgumentParser(
        prog="python -m serve.http",
        description="Serve scores over HTTP, in the shapes that moderation tools speak.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--write-openapi", action="store_true", help=f"write {OPENAPI_FILE.name} anew and end"
    )
    return parse_settings(parser, arguments, os.environ)


def _serve(settings: Settings) -> int:
    from model.bundle import load_bundle
    from serve.http.feedback import FeedbackStore

    # What cannot be used is refused here, in one line, and not by every worker.
    load_bundle(settings.model, device=settings.device)
    FeedbackStore(settings.feedback)
    with _shared_metrics(settings.workers):
        from serve.http.supervisor import listen, supervise

        listener = listen(settings.host, settings.port)
        host, port = listener.getsockname()[:2]
        address = f"[{host}]" if ":" in host else host
        print(f"respun: http://{address}:{port}/", file=sys.stderr, flush=True)
        return EXIT_DONE if supervise(settings, listener) else EXIT_FAILED


@contextmanager
def _shared_metrics(workers: int) -> Iterator[None]:
    """A folder where several workers count together; to be entered before metrics are imported."""
    if workers == 1:
        yield
        return
    try:
        folder = tempfile.TemporaryDirectory(prefix="respun-metrics-")
    except OSError as error:
        raise RespunError(
            f"--workers {workers}: no folder for their counters can be made "
            f"({error.strerror}); let TMPDIR name one that can be written"
        ) from error
    with folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder.name
        yield


def _write_openapi(settings: Settings) -> None:
    from serve.http.application import create_application

    document = create_application(settings).openapi()
    OPENAPI_FILE.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(OPENAPI_FILE)


if __name__ == "__main__":
    sys.exit(main())
