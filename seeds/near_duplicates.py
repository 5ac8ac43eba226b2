"""Near-duplicates across corpora: texts that share most of their wording.

Comes after cleaning and before splitting, since a story must lie on one side of a split
whoever republished it. MinHash signatures with locality-sensitive hashing, by `datasketch`:
the number of texts is too large to compare all pairs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from datasketch import MinHash, MinHashLSH

from seeds.clean import bare_words

PERMUTATIONS = 64
SCHEME = "affine32"
SHINGLE_WORDS = 5
MAX_WORDS = 600
"""Longer texts are compared by their first words: enough to know a story by."""

_LSH_FACTOR = 0.7


def signature(text: str) -> MinHash:
    """The MinHash of a text's word 5-grams."""
    words = bare_words(text)[:MAX_WORDS]
    shingles = {
        " ".join(words[start : start + SHINGLE_WORDS])
        for start in range(max(1, len(words) - SHINGLE_WORDS + 1))
    }
    minhash = _minhash()
    minhash.update_batch([shingle.encode() for shingle in shingles])
    return minhash


def _minhash(values: np.ndarray | None = None) -> MinHash:
    return MinHash(PERMUTATIONS, seed=1, hashvalues=values, hashfunc=_hash, scheme=SCHEME)


def _hash(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=4).digest(), "little")


def near_duplicates(
    signatures: Iterable[np.ndarray], threshold: float
) -> Iterator[tuple[int, int]]:
    """Pairs (earlier, later) that LSH finds and whose estimated similarity reaches `threshold`.

    The similarity is Jaccard's. LSH misses a part of the pairs right at its own threshold, so
    it is asked for pairs well below ours.

    `signatures` are the hash values of `signature`, uint64 of shape [PERMUTATIONS], in the
    order in which the texts are numbered.
    """
    index = MinHashLSH(threshold=_LSH_FACTOR * threshold, num_perm=PERMUTATIONS)
    kept: list[np.ndarray] = []
    for number, values in enumerate(signatures):
        minhash = _minhash(values)
        for other in index.query(minhash):
            if float(np.mean(kept[other] == values)) >= threshold:
                yield other, number
        index.insert(number, minhash)
        kept.append(values)


class Clusters:
    """Union-find over keys; the smallest key of a cluster names it."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}

    def name(self, key: str) -> str:
        """The name of the cluster that `key` is in."""
        root = key
        while (parent := self._parents.get(root, root)) != root:
            root = parent
        while (parent := self._parents.get(key, key)) != root:
            self._parents[key] = root
            key = parent
        return root

    def join(self, keys: Sequence[str]) -> None:
        """Put all `keys` into one cluster."""
        names = sorted({self.name(key) for key in keys})
        for name in names[1:]:
            self._parents[name] = names[0]
