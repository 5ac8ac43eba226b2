"""Draw the promise of a bundle anew: `python -m train.recalibrate --version 1.0+ours`.

A new kind of outlet voids the promise about false alarms that ships. Whoever holds human
articles of such an outlet builds a data set that has them in `threshold` (see
`seeds.readers.user`), and gets a bundle whose p_human and thresholds are drawn on them. The
weights, and the line that makes logits scores, stay as they are: no training, no torch. The
articles should be of all the lengths that will be scored, since nearest may still be far.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from model.bundle import MANIFEST_FILE, load_bundle, verify_all, write_manifest
from model.errors import ConfigError, RespunError
from train.measure import add_folders

_EPILOG = """\
example:
  python -m train.recalibrate --data build/ours --version 0.3.2+ours --output build/ours-bundle
  python -m serve.score --model build/ours-bundle article.txt

prints the folder of the new bundle; what was measured of the old one is not carried over. The
articles' logits are kept in a folder `cache` beside it.
exit codes: 0 done, 1 unusable bundle or data, 2 wrong usage
"""


def recalibrate(bundle: Path, data: Path, version: str, output: Path) -> Path:
    """Copy a bundle to `output`, with a promise drawn on the human articles of `data`.

    Raises ConfigError where `output` is there already, and CorpusError where the data set's
    `threshold` split holds no human news.
    """
    from train.calibrate import check_splits, promise_on
    from train.card import write_card
    from train.corpus import corpus_digest, open_corpus
    from train.scores import split_logits

    loaded = load_bundle(bundle)
    verify_all(loaded)
    manifest = loaded.manifest
    if output.exists():
        raise ConfigError(f"{output}: is there already; name another output, or remove it")
    if version == manifest.version:
        raise ConfigError(f"version {version}: is that of {bundle}; name the new one otherwise")
    digest = corpus_digest(data)
    corpus = open_corpus(data)
    limits = manifest.minimum_words, manifest.training.get("trained_before", ())
    check_splits(corpus, *limits, names=("threshold",))
    compute = split_logits(loaded, digest, output.parent / "cache")
    made = promise_on(manifest.calibration, compute, corpus, *limits)
    partial = output.with_name(output.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(bundle, partial, ignore=shutil.ignore_patterns(MANIFEST_FILE))
    write_manifest(
        partial,
        replace(
            manifest,
            version=version,
            human=made.human,
            thresholds=made.thresholds,
            training={
                **manifest.training,
                "promise": {"data_digest": digest, "weights_of": manifest.version},
            },
            measured={"threshold": made.kept},
        ),
    )
    partial.replace(output)
    write_card(output)
    verify_all(load_bundle(output))
    return output


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m train.recalibrate",
        description="Draw a bundle's p_human and thresholds anew, on other human articles.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_folders(parser, "bundle", "data")
    parser.add_argument("--version", required=True, help="of the new bundle, as results carry it")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("build/recalibrated"),
        help="folder of the new bundle; default build/recalibrated",
    )
    options = parser.parse_args(arguments)
    try:
        written = recalibrate(options.bundle, options.data, options.version, options.output)
    except ConfigError as error:
        print(f"train.recalibrate: {error}", file=sys.stderr)
        return 2
    except RespunError as error:
        print(f"train.recalibrate: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"train.recalibrate: {error}; check --output", file=sys.stderr)
        return 1
    print(written)
    return 0


if __name__ == "__main__":
    sys.exit(main())
