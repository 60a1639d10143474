"""Identifiers in text and bytes, as whole tokens: cut into tokens once, then compare sets, whatever their number."""

from __future__ import annotations

import html
import pickletools
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote

import numpy as np

from .._canonical_text import INVISIBLE, as_text, normal_text

#: Characters of a text that are cut into tokens at once.
CHUNK = 4_000_000
#: Characters of scripts that are written without spaces; each is a word of its own.
_HAN = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[^\W_{_HAN}]+|[{_HAN}]")
_JOINED = re.compile(rf"[^\W_{_HAN}]")
#: A number with a fraction or an exponent is one token, so that 0.123456 does not hold 123456.
_TOKEN = re.compile(rf"\d+(?:\.\d+(?:e[+-]?\d+)?|e[+-]?\d+)(?![^\W_{_HAN}])|[^\W_{_HAN}]+|[{_HAN}]")
#: Characters by their numbers, as JSON writes them, also within a text of JSON within JSON.
_ESCAPED, _FOUR = re.compile(r"(?:\\+u[0-9a-fA-F]{4})+"), re.compile(r"u([0-9a-fA-F]{4})")
_GAPS = tuple(map(chr, INVISIBLE))
_GAPS_AS_SPACES = dict.fromkeys(INVISIBLE, " ")
_WIDE = (re.compile(rb"(?:[\x20-\x7e]\x00\x00\x00){4,}"), re.compile(rb"(?:[\x20-\x7e]\x00){4,}"))


class Wanted:
    """Identifiers to look for.

    Parameters
    ----------
    texts : iterable of str
    minimum_length : int
        Fewest digits of an identifier of digits alone to be looked for everywhere; one with letters may be two characters
        shorter.

    Attributes
    ----------
    all : frozenset of str
        As :func:`normal_text` writes them; looked for in columns that are called like identifiers.
    words : frozenset of str
        Of one word, long enough to be looked for everywhere.
    phrases : dict of str to dict of int to set of str
        Those of several words ("HOSP-1", "ann@x.org") by their first word and length.
    n_short : int
        Looked for in such columns alone.
    """

    def __init__(self, texts: Iterable[str], minimum_length: int):
        self.all = frozenset(filter(None, map(normal_text, texts)))
        long = [text for text in self.all if _size(text) >= minimum_length - (0 if _is_digits(text) else 2)]
        self.n_short = len(self.all) - len(long)
        self.words = frozenset(text for text in long if _WORD.fullmatch(text))
        self.phrases = _by_first_word(set(long) - self.words)
        self.numbers = _as_numbers(self.words)
        starts = [phrase for by_size in self.phrases.values() for phrases in by_size.values() for phrase in phrases]
        self.ascii = frozenset(text for text in (*self.words, *starts) if text.isascii())
        self.lengths = sorted(set(map(len, self.ascii)))

    def in_column(self, values: Iterable[Any]) -> set[str]:
        """Identifiers, of any length, among values."""
        return {text for value in values if value is not None and (text := normal_text(as_text(value))) in self.all}

    def in_text(self, text: str) -> set[str]:
        """Identifiers that stand in a text as whole tokens."""
        found: set[str] = set()
        for part in (part for reading in _readings(text) for part in _parts(reading)):
            part = normal_text(part)
            tokens = set(_TOKEN.findall(part))
            found |= tokens & self.words
            for token in tokens:
                if token[0].isdecimal() and not _WORD.fullmatch(token):
                    whole = as_text(float(token)) if token.isascii() else token
                    found |= {whole} & self.words
                elif "e" in token and token.isascii() and re.fullmatch(r"\d+e\d+", token):
                    found |= {as_text(float(token))} & self.words
            if self.phrases:
                found |= self._phrases_in(part)
        return found

    def _phrases_in(self, text: str) -> set[str]:
        if self.phrases.keys().isdisjoint(_WORD.findall(text)):
            return set()
        found = set()
        for word in _WORD.finditer(text):
            for size, phrases in self.phrases.get(word.group(), {}).items():
                phrase = text[word.start() : word.start() + size]
                if phrase not in phrases:
                    continue
                if not (_JOINED.match(phrase[-1]) and _JOINED.match(text, word.start() + size)):
                    found.add(phrase)
        return found

    def in_numbers(self, values: np.ndarray) -> set[str]:
        """Identifiers of digits among numbers."""
        if not self.numbers.size or not values.size:
            return set()
        lower, upper = self.numbers[0], self.numbers[-1]
        values = np.unique(values[(values >= lower) & (values <= upper)])
        if values.dtype.kind == "f":
            values = values[values == np.floor(values)]
        return {str(number) for number in values[np.isin(values, self.numbers)].astype(np.int64)}

    def in_bytes(self, data: bytes) -> set[str]:
        """Identifiers in bytes of unknown meaning: as UTF-8, as wide characters, as 8-byte numbers, and in a pickle's items."""
        texts, numbers, packed, is_whole = _pickled(data)
        if not is_whole:
            texts.append(data.decode("utf-8", "replace"))
            packed.append(data)
        found = self.in_text("\n".join(texts)) | self.in_numbers(numbers)
        for raw in packed:
            for pattern, width in zip(_WIDE, (4, 2), strict=True):
                for run in pattern.finditer(raw):
                    found |= self._windows(run.group()[::width].decode("ascii").lower())
            # at other offsets than multiples of 8 an array of small numbers reads as one of numbers 256 times as large
            eights = raw[: len(raw) - len(raw) % 8]
            found |= self.in_numbers(np.frombuffer(eights, dtype="<i8"))
            with np.errstate(invalid="ignore"):
                found |= self.in_numbers(np.frombuffer(eights, dtype="<f8"))
        return found

    def _windows(self, text: str) -> set[str]:
        """Identifiers at any place of a text without gaps, such as an array of texts of one width makes."""
        return {
            text[start : start + size]
            for size in self.lengths
            for start in range(len(text) - size + 1)
            if text[start : start + size] in self.ascii
        }


def _by_first_word(texts: Iterable[str]) -> dict[str, dict[int, set[str]]]:
    phrases: dict[str, dict[int, set[str]]] = {}
    for text in texts:
        if first := _WORD.search(text):
            phrase = text[first.start() :]
            phrases.setdefault(first.group(), {}).setdefault(len(phrase), set()).add(phrase)
    return phrases


def _as_numbers(words: Iterable[str]) -> np.ndarray:
    """Words that are whole numbers, of those that 8 bytes can hold, in order."""
    numbers = [int(text) for text in words if text.isascii() and text.isdigit() and str(int(text)) == text]
    return np.asarray(sorted(number for number in numbers if number < 2**63), dtype=np.int64)


def _size(text: str) -> int:
    return sum(map(str.isalnum, text))


def _is_digits(text: str) -> bool:
    return not any(map(str.isalpha, text))


def _readings(text: str) -> Iterator[str]:
    """The text, and what it says where characters are written by their numbers: of HTML, of JSON, of an address."""
    yield text
    read = _ESCAPED.sub(_character, text) if "\\u" in text else text
    read = html.unescape(read) if "&" in read else read
    read = unquote(read) if "%" in read else read
    if read != text:
        yield read
    if any(mark in read for mark in _GAPS):  # normal_text leaves them out, and joins what they part
        yield read.translate(_GAPS_AS_SPACES)


def _character(escaped: re.Match[str]) -> str:
    pairs = bytes.fromhex("".join(_FOUR.findall(escaped.group())))
    return pairs.decode("utf-16-be", "replace")


def _parts(text: str) -> Iterator[str]:
    """Pieces that end where a line, or else a word, does."""
    start = 0
    while len(text) - start > 2 * CHUNK:
        end = text.find("\n", start + CHUNK, start + 2 * CHUNK) + 1
        if not end:
            gap = re.compile(r"[\W_]").search(text, start + CHUNK)
            end = gap.end() if gap else len(text)
        yield text[start:end]
        start = end
    yield text[start:]


def _pickled(data: bytes) -> tuple[list[str], np.ndarray, list[bytes], bool]:
    """Texts, numbers and arrays' bytes of a pickle, read without running it, and whether that is all of it."""
    texts: list[str] = []
    numbers: list[int] = []
    packed: list[bytes] = []
    is_whole = False
    if data[:1] == b"\x80" and data[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        try:
            for code, argument, at in pickletools.genops(data):
                if isinstance(argument, str):
                    texts.append(argument)
                    if "\x00" in argument and max(argument) <= "\xff":  # how protocol 2 keeps bytes
                        packed.append(argument.encode("latin-1"))
                elif isinstance(argument, (bytes, bytearray)):
                    texts.append(argument.decode("utf-8", "replace"))
                    packed.append(bytes(argument))
                elif isinstance(argument, int) and abs(argument) < 2**63:
                    numbers.append(argument)
                is_whole = code.name == "STOP" and at is not None and at + 1 == len(data)
        except (ValueError, KeyError, IndexError, UnicodeDecodeError):
            pass  # arrays stand between the items of joblib's pickles
    return texts, np.asarray(numbers, dtype=np.int64), packed, is_whole
