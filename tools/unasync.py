"""Generate the sync twins of the async sources, line by line, and check that they are up to date.

Every `_async_x.py` below `sqlspec/` is the source of a `_sync_x.py` beside it. The translation works on
tokens, not on a syntax tree: comments, spacing and line numbers stay, so that a traceback through a twin
points at the same line of its source, and the output is the same on every supported Python.

What changes in a twin:

- `async` and `await` go;
- a camel-case part `Async` becomes `Sync` (`AsyncSession`, `FooAsyncConfig`), `_async_x` becomes `_sync_x`;
- the names of `NAMES` are replaced (each entry must be in use somewhere, so that the table stays short);
- `Awaitable[X]` and `Coroutine[Any, Any, X]` become `X`, and leave their import statements;
- a line that ends in `# async-only` becomes an empty line;
- the first line, a comment in the source, becomes the header that marks a generated file.

In comments and strings only names change, plus `async` and `await` in what is code there: back-quoted
text, fenced blocks and doctest lines. What cannot be translated is an error, never a guess; a difference
between the flavours belongs behind a pair of same-named helpers in `_aio.py` and `_sio.py`.

Run `python tools/unasync.py` to write the twins, with `--check` to compare them instead.
"""

from __future__ import annotations

import argparse
import ast
import io
import itertools
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

TREE = Path(__file__).resolve().parent.parent / "sqlspec"

# Async names whose sync name does not follow from the rule. An entry that nothing uses fails the run.
NAMES = {
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "AsyncIterator": "Iterator",
    "_aio": "_sio",
}

HEADER_START = "# Generated from "
HEADER = HEADER_START + "{source} by tools/unasync.py. Do not edit.\n"
DROPPED_WORDS = ("async", "await")
# Annotations that stand for one of their arguments, with the index of that argument.
UNWRAPPED = {"Awaitable": 0, "Coroutine": 2}
ASYNC_ONLY = re.compile(r"#\s*async-only\s*$")

CAMEL_PART = re.compile(r"(?<![A-Z])Async(?=[A-Z])")
MODULE_PREFIX = "_async_"
WORD = re.compile(r"\b[A-Za-z_]\w*")
DROPPED_IN_TEXT = re.compile(r"\b(?:async|await) +(?=\S)")
INLINE_CODE = re.compile(r"`[^`\n]+`")
FENCE = re.compile(r"\s*(?:```|~~~)")
DOCTEST = re.compile(r"\s*(?:>>>|\.\.\.)\s")
# A name of this form in a twin means that a rule or a table entry is missing.
LEFT_OVER = re.compile(r"async|^__a(?:enter|exit|iter|next)__$|^a(?:close|closing|iter|next)$", re.IGNORECASE)

FSTRING_STARTS = {number for number, name in tokenize.tok_name.items() if name.endswith("STRING_START")}
FSTRING_ENDS = {number for number, name in tokenize.tok_name.items() if name.endswith("STRING_END")}
LAYOUT = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
}

Position = tuple[int, int]


class UnasyncError(Exception):
    """A source cannot be translated; the message names file, line and remedy."""


class Token(NamedTuple):
    """One token with its place: 1-based row, 0-based column, as `tokenize` counts."""

    kind: int
    string: str
    start: Position
    end: Position


class Edit(NamedTuple):
    """The text from `start` to `end` becomes `new`, which holds as many line breaks as what it replaces."""

    start: Position
    end: Position
    new: str


def read_tokens(lines: list[str]) -> Iterator[Token]:
    """Yield the tokens, an f-string as one token: Python 3.11 has no finer ones, later versions do."""
    depth = 0
    begin: Position = (0, 0)
    source = iter(lines)
    for token in tokenize.generate_tokens(lambda: next(source, "")):
        if token.type in FSTRING_STARTS:
            begin = begin if depth else token.start
            depth += 1
        elif token.type in FSTRING_ENDS:
            depth -= 1
            if not depth:
                yield Token(tokenize.STRING, text_between(lines, begin, token.end), begin, token.end)
        elif not depth:
            yield Token(token.type, token.string, token.start, token.end)


def text_between(lines: list[str], start: Position, end: Position) -> str:
    """Return the text from one position to another."""
    rows = lines[start[0] - 1 : end[0]]
    rows[-1] = rows[-1][: end[1]]
    rows[0] = rows[0][start[1] :]
    return "".join(rows)


class Converter:
    """Translate one source. `used` collects the entries of the name table that were needed."""

    def __init__(self, text: str, origin: str, names: dict[str, str]) -> None:
        self.origin = origin
        self.names = names
        self.used: set[str] = set()
        self.edits: list[Edit] = []
        # Not splitlines(): it breaks lines at form feeds and other characters too, the tokenizer does not.
        self.lines = ["\n" if is_async_only(line) else line for line in io.StringIO(text)]
        self.tokens: list[Token] = []

    def convert(self) -> str:
        """Return the text of the twin."""
        if not self.lines or not self.lines[0].startswith("#"):
            raise self._error(1, "the first line is no comment, which the header could replace; add one")
        try:
            self.tokens = list(read_tokens(self.lines))
        except (tokenize.TokenError, SyntaxError) as error:
            raise self._error(1, f"not valid Python ({error}); mend the source") from error
        index = 0
        while index < len(self.tokens):
            index = self._translate(index)
        self._apply_edits()
        self.lines[0] = HEADER.format(source=self.origin)
        self._verify()
        return "".join(self.lines)

    # Translating

    def _translate(self, index: int) -> int:
        """Translate what begins at a token and return the index of the token to go on with."""
        token = self.tokens[index]
        if token.kind == tokenize.STRING:
            self._check_fstring(token)
            self._replace(token, self._rename_text(token.string))
        elif token.kind == tokenize.COMMENT:
            self._replace(token, self._rename_text(token.string))
        elif token.kind == tokenize.NAME:
            if token.string in DROPPED_WORDS:
                self._drop_word(token, self.tokens[index + 1])
            elif token.string in UNWRAPPED:
                return self._unwrap(index)
            elif token.string == "from" and self._starts_statement(index):
                return self._translate_import(index)
            else:
                self._replace(token, self._rename(token.string))
        return index + 1

    def _drop_word(self, token: Token, following: Token) -> None:
        if following.kind in LAYOUT or following.start[0] != token.end[0]:
            raise self._error(token.start[0], f"'{token.string}' ends its line; put what it governs on the same line")
        self._delete(token.start, following.start)

    def _unwrap(self, index: int) -> int:
        """Replace `Awaitable[X]` by `X`: delete the name, its brackets and the arguments before the last."""
        token = self.tokens[index]
        if self.tokens[index - 1].string == "." or self.tokens[index + 1].string != "[":
            raise self._error(
                token.start[0],
                f"'{token.string}' has a sync form only as {token.string}[...], imported by name; "
                "move other uses behind _aio.py and _sio.py",
            )
        opening, *commas, closing = self._argument_borders(index + 1)
        if commas and all(between.kind in LAYOUT for between in self.tokens[commas[-1] + 1 : closing]):
            # A comma before the closing bracket would make a tuple of what stays in parentheses.
            trailing = self.tokens[commas.pop()]
            self._delete(trailing.start, trailing.end)
        kept = UNWRAPPED[token.string]
        if len(commas) != kept:
            raise self._error(token.start[0], f"'{token.string}' has {len(commas) + 1} arguments; write {kept + 1}")
        border = commas[-1] if commas else opening
        first, last = self.tokens[border + 1], self.tokens[closing]
        if first.start[0] == last.start[0] == token.start[0]:
            self._delete(token.start, first.start)
            self._delete(last.start, last.end)
        else:
            # Brackets that span lines stay, as parentheses: else the line breaks would end a statement.
            self._delete(token.start, self.tokens[border].end, "(")
            self._replace(last, ")")
        return border + 1

    def _argument_borders(self, opening: int) -> list[int]:
        """Return the indexes of a bracket, of the commas directly inside it, and of its closing bracket."""
        borders, depth, index = [opening], 1, opening
        while depth:
            index += 1
            token = self.tokens[index]
            if token.kind == tokenize.OP:
                depth += (token.string in "([{") - (token.string in ")]}")
                if not depth or (depth == 1 and token.string == ","):
                    borders.append(index)
        return borders

    def _starts_statement(self, index: int) -> bool:
        before = self.tokens[index - 1]
        return before.kind in LAYOUT or before.string in {":", ";"}

    def _translate_import(self, index: int) -> int:
        """Translate `from x import a, b`, leaving out names that the twin does not need or has already."""
        keyword = next(i for i in range(index, len(self.tokens)) if self.tokens[i].string == "import")
        end = keyword
        while self.tokens[end].kind not in {tokenize.NEWLINE, tokenize.ENDMARKER}:
            end += 1
        entries = self._import_entries(keyword + 1, end)
        texts = [" ".join(self._rename(word.string) for word in entry) for entry in entries]
        kept = [
            number
            for number, entry in enumerate(entries)
            if entry[0].string not in UNWRAPPED and texts[number] not in texts[:number]
        ]
        if entries and not kept:
            self._delete(self.tokens[index].start, self.tokens[end].start)
            return end
        left_out = set(range(len(entries))) - set(kept)
        self._leave_out(left_out, entries, keyword + 1, end)
        gone = {word for number in left_out for word in entries[number]}
        for token in self.tokens[index:end]:
            if token.kind == tokenize.COMMENT:
                self._replace(token, self._rename_text(token.string))
            elif token.kind == tokenize.NAME and token not in gone:
                self._replace(token, self._rename(token.string))
        return end

    def _import_entries(self, index: int, end: int) -> list[list[Token]]:
        """Return the names between commas, each with its `as` and alias."""
        entries: list[list[Token]] = [[]]
        for token in self.tokens[index:end]:
            if token.string == ",":
                entries.append([])
            elif token.kind == tokenize.NAME:
                entries[-1].append(token)
        return [entry for entry in entries if entry]

    def _leave_out(self, left_out: set[int], entries: list[list[Token]], index: int, end: int) -> None:
        """Delete some of the names of an import, each with the comma behind it."""
        commas = [i for i in range(index, end) if self.tokens[i].string == ","]
        last_kept = max(set(range(len(entries))) - left_out, default=-1)
        if len(commas) < len(entries) and left_out and max(left_out) > last_kept:
            # No comma behind the last name: then the one behind the last name that stays must go.
            self._delete(entries[last_kept][-1].end, entries[-1][-1].end)
            left_out = {number for number in left_out if number < last_kept}
        for number in left_out:
            comma, following = self.tokens[commas[number]], self.tokens[commas[number] + 1]
            on_same_row = following.start[0] == comma.end[0] and following.kind not in LAYOUT
            self._delete(entries[number][0].start, following.start if on_same_row else comma.end)

    # Names

    def _rename(self, word: str) -> str:
        if word in self.names:
            self.used.add(word)
            return self.names[word]
        if word.startswith(MODULE_PREFIX):
            return "_sync_" + word.removeprefix(MODULE_PREFIX)
        return CAMEL_PART.sub("Sync", word)

    def _rename_in_code(self, text: str) -> str:
        return WORD.sub(lambda match: self._rename(match[0]), DROPPED_IN_TEXT.sub("", text))

    def _rename_in_prose(self, match: re.Match[str]) -> str:
        word = match[0]
        return self._rename(word) if "Async" in word or word.startswith(MODULE_PREFIX) else word

    def _rename_text(self, text: str) -> str:
        """Rename in a comment or string: camel-case names everywhere, the other names where text is code."""
        result = []
        fenced = False
        for line in text.split("\n"):
            if FENCE.match(line):
                fenced = not fenced
                result.append(line)
            elif fenced or DOCTEST.match(line):
                result.append(self._rename_in_code(line))
            else:
                renamed = INLINE_CODE.sub(lambda match: self._rename_in_code(match[0]), line)
                result.append(WORD.sub(self._rename_in_prose, renamed))
        return "\n".join(result)

    def _check_fstring(self, token: Token) -> None:
        """Refuse an f-string with code that needs more than the rename that every string gets."""
        quote = min(token.string.find(mark) for mark in "'\"" if mark in token.string)
        if not set(token.string[:quote].lower()) & {"f", "t"}:
            return
        for node in ast.walk(ast.parse(token.string, mode="eval")):
            awaits = isinstance(node, ast.Await) or (isinstance(node, ast.comprehension) and node.is_async)
            word = getattr(node, "id", None) or getattr(node, "attr", None) or ""
            if awaits or ("Async" not in word and self._rename(word) != word):
                raise self._error(
                    token.start[0], "an f-string holds async code; assign it to a name first and format that"
                )

    # Writing

    def _replace(self, token: Token, new: str) -> None:
        if new != token.string:
            self.edits.append(Edit(token.start, token.end, new))

    def _delete(self, start: Position, end: Position, instead: str = "") -> None:
        """Delete a span but for its line breaks."""
        self.edits.append(Edit(start, end, instead + "\n" * (end[0] - start[0])))

    def _apply_edits(self) -> None:
        """Apply the edits from the end, so that the positions of those before stay right."""
        edits = sorted(self.edits, reverse=True)
        for after, before in itertools.pairwise(edits):
            if before.end > after.start:
                raise self._error(before.start[0], "two rules meet in one place; simplify this line")
        for start, end, new in edits:
            first, last = start[0] - 1, end[0] - 1
            text = self.lines[first][: start[1]] + new + self.lines[last][end[1] :].removesuffix("\n")
            self.lines[first : last + 1] = [line.rstrip() + "\n" for line in text.split("\n")]

    def _verify(self) -> None:
        """Reject a twin that is not valid Python or still names something asynchronous."""
        try:
            ast.parse("".join(self.lines))
        except SyntaxError as error:
            message = f"the twin is not valid Python ({error.msg}); simplify this line"
            raise self._error(error.lineno or 1, message) from error
        for token in read_tokens(self.lines):
            if token.kind == tokenize.NAME and LEFT_OVER.search(token.string):
                raise self._error(
                    token.start[0],
                    f"'{token.string}' has no sync name; add it to NAMES in tools/unasync.py, "
                    "or move it behind _aio.py and _sio.py",
                )

    def _error(self, row: int, message: str) -> UnasyncError:
        return UnasyncError(f"{self.origin}:{row}: {message}")


def is_async_only(line: str) -> bool:
    """Tell whether a line of code ends in the marker that keeps it out of the twin."""
    marker = ASYNC_ONLY.search(line)
    return marker is not None and bool(line[: marker.start()].strip())


def convert(text: str, origin: str, names: dict[str, str] | None = None) -> str:
    """Return the sync twin of a source text; `origin` is the file name for header and messages.

    Raises:
        UnasyncError: the source holds something that has no sync form.
    """
    return Converter(text, origin, NAMES if names is None else names).convert()


def twin_of(source: Path) -> Path:
    """Return the path of the file that is generated from a source."""
    return source.with_name("_sync_" + source.name.removeprefix(MODULE_PREFIX))


def run(tree: Path, *, check: bool, names: dict[str, str] | None = None) -> list[str]:
    """Write, or with `check` compare, every twin below `tree`; return what is wrong, one line each."""
    names = NAMES if names is None else names
    problems: list[str] = []
    used: set[str] = set()
    sources = sorted(tree.rglob(f"{MODULE_PREFIX}*.py"))
    for source in sources:
        converter = Converter(source.read_text(encoding="utf-8"), source.name, names)
        try:
            text = converter.convert()
        except UnasyncError as error:
            problems.append(f"error: {source.parent.relative_to(tree) / str(error)}")
            continue
        finally:
            used |= converter.used
        problem = compare(twin_of(source), text) if check else None
        if problem:
            problems.append(f"{problem}: {twin_of(source).relative_to(tree)}; run: python tools/unasync.py")
        elif not check:
            twin_of(source).write_text(text, encoding="utf-8", newline="\n")
    twins = {twin_of(source) for source in sources}
    problems += [
        f"orphan: {path.relative_to(tree)} has no source; delete it"
        for path in sorted(tree.rglob("*.py"))
        if path not in twins and claims_to_be_generated(path)
    ]
    if not any(problem.startswith("error:") for problem in problems):
        # Only when every source was read to its end: the rest of one may need the name.
        problems += [
            f"unused: {name!r} in NAMES of tools/unasync.py is not needed; delete it"
            for name in sorted(names.keys() - used)
        ]
    return problems


def compare(twin: Path, text: str) -> str | None:
    """Return what is wrong with a twin that should hold `text`: missing, stale or nothing."""
    if not twin.exists():
        return "missing"
    return None if twin.read_text(encoding="utf-8") == text else "stale"


def claims_to_be_generated(path: Path) -> bool:
    """Tell whether name or header say that a file is a twin."""
    return path.name.startswith("_sync_") or path.read_text(encoding="utf-8").startswith(HEADER_START)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status: 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description="generate the sync twins of the async sources in sqlspec/")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    parser.add_argument("tree", nargs="?", type=Path, default=TREE, help="where to work (default: sqlspec/)")
    options = parser.parse_args(arguments)
    problems = run(options.tree.resolve(), check=options.check)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
