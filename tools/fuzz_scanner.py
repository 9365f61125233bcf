"""Compare the statement scanner with PostgreSQL's own scanner and parser on random texts.

    python tools/fuzz_scanner.py [TEXTS] [SEED]

Two kinds of text are made. *Fragments* are random joins of quotes, comments, operators and the like, most of
them no valid SQL: positions of `$n`, statement borders and refusals must be those of the server's scanner
(libpg_query, by way of pglast). *Statements* come from a small grammar and do parse: verbs, result rows and
borders must be those of the parse tree, and the same statement written with every placeholder style must be
read the same. Offline; prints counts and the ten shortest differences, exits with 1 if there is any.
"""

from __future__ import annotations

import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, Literal, NamedTuple

from pglast import ast, parse_sql
from pglast.parser import ParseError
from pglast.parser import scan as server_scan

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sqlspec.core.scan import ParameterStyle, Scan, scan, splice
from sqlspec.exceptions import ParameterError, SQLParsingError

STYLES: tuple[ParameterStyle, ...] = ("named", "pyformat", "format", "qmark")
COMMENTS = ("C_COMMENT", "SQL_COMMENT")

FRAGMENTS = (
    "' '' 'a' 'it''s' 'x\ny' '\\' E' e'\\'' E'\\\\' E'a''b' e'' \\' \\ N'a' B'1' X'f' x' U&'\\0041' u&'a' U& "
    '" "" "a" "a""b" "$1" "\'" U&"a" e" '
    "$$ $ $a$ $b$ $a$b$a$ $_x1$ $é$ $$a$$ $1$ $1 $22 $3 $007 $1a 1$1 a$1 a$b$c $a "
    "/* */ /* x */ /*/ /**/ /*'*/ --c -- -- /* *//* */* - / * - -- --' "
    "; ; ;; ( ) [ ] () [1] , . :: : := = <= ->> || % %% @> ? ?| ? ?? @? + ! "
    "e E x n _ a é 😀 select end case 1 1.5 1e5 0x1F 1_000 5. .5 begin atomic"
).split(" ")
SPACES = (" ", "\n", "\t", "\r", "\r\n", "\f", "\v", " -- c\n", "\n--'\n", " -- $1\r")
CONTINUED = (
    "E'a'\n'\\''",
    "'a'\n'b\\'",
    "E'a' -- c\n  'b\\''",
    "e'a'\n--x\n'\\''",
    "E'a' '\\'",
    "E'a'/**/\n'\\'",
)


class Difference(NamedTuple):
    """A text that the scanner reads differently."""

    kind: str
    sql: str
    seen: object
    expected: object


def fragment_text(rng: Random) -> str:
    """Join random fragments."""
    parts = ["select "] if rng.random() < 0.8 else []
    for _ in range(rng.randint(2, 10)):
        pool = rng.choices((FRAGMENTS, SPACES, CONTINUED), (80, 15, 5))[0]
        parts.append(rng.choice(pool))
    return "".join(parts)


def check_fragments(sql: str) -> tuple[str, Difference | None]:
    """Compare one text with the server's scanner; return what it was and the difference, if any."""
    try:
        tokens = server_scan(sql)
        refusal = ""
    except ParseError as error:
        tokens, refusal = None, str(error)
    try:
        found = scan(sql)
    except SQLParsingError as error:
        if tokens is None:
            return "refused by both", None
        return "accepted by the server", Difference("refusal", sql, str(error), None)
    except ParameterError as error:
        if any(char in sql for char in ":%?") or "$0" in sql:
            return "number out of range or two styles", None
        return "different", Difference("parameter error", sql, str(error), None)
    if tokens is None:
        if refusal.startswith("unterminated"):
            return "accepted by the scanner", Difference("refusal", sql, None, refusal)
        # A number with letters glued to it, an empty quoted name: the server says so itself.
        return "refused by the server only", None
    if difference := _check_numbers(sql, found, tokens) or _check_borders(sql, found, tokens):
        return "different", difference
    return "same", None


def _check_numbers(sql: str, found: Scan, tokens: list[Any]) -> Difference | None:
    expected = [(token.start, token.end + 1) for token in tokens if token.name == "PARAM"]
    if expected and found.verb in ("CREATE", "PREPARE"):
        return None
    seen = [(hit.start, hit.end) for hit in found.placeholders if hit.style == "numeric"]
    return Difference("positions of $n", sql, seen, expected) if seen != expected else None


def _check_borders(sql: str, found: Scan, tokens: list[Any]) -> Difference | None:
    expected = server_borders(tokens)
    if expected is None:
        return None
    seen = [(_first_token(tokens, start), end) for start, end in found.statements]
    return Difference("borders", sql, seen, expected) if seen != expected else None


def _first_token(tokens: list[Any], start: int) -> int:
    """Return where the first token at or behind `start` starts that is no comment."""
    return next((t.start for t in tokens if t.start >= start and t.name not in COMMENTS), -1)


def server_borders(tokens: list[Any]) -> list[tuple[int, int]] | None:
    """Find statements in the server's tokens: (start of first token, end of last), comments left out.

    `None` where the tokens cannot be a statement: groups that do not match.
    """
    borders: list[tuple[int, int]] = []
    groups: list[str] = []
    current: list[Any] = []
    for token in [*tokens, None]:
        name = token.name if token else "ASCII_59"
        if name in ("ASCII_40", "ASCII_91"):  # ( [
            groups.append(name)
        elif name in ("ASCII_41", "ASCII_93"):  # ) ]
            if not groups or groups.pop() != {"ASCII_41": "ASCII_40", "ASCII_93": "ASCII_91"}[name]:
                return None
        elif name == "ASCII_59" and not groups:
            if current:
                borders.append((current[0].start, current[-1].end + 1))
            current = []
            continue
        if token is not None and name not in COMMENTS:
            current.append(token)
    return None if groups else borders


class Statement(NamedTuple):
    """A statement of the grammar, with `$n` placeholders."""

    sql: str
    verb: str
    main_verb_at: int


MAIN = "\0"
"""Mark on the token at which the main statement starts."""

# Names that are keywords and yet allowed as names: the scanner must not take them for verbs.
NAMES = "t u a b id data values insert update delete merge first date value begin atomic x$1 é set".split()
COLUMNS = (
    *"t u a b id data data value date x$1 é".split(),
    '"?"',
    '"a "" :x"',
    "t.first",
    "u.set",
    "t.into",
    "t.end",
)
LITERALS = (
    *"1 2.5 1e3 'x' '' e'a\\\\' null true B'101' U&'\\0041' '{}'::jsonb array[1,2] date'2020-01-01'".split(),
    "'it''s'",
    "'a ? :b $1 %s'",
    "E'\\' ? :x'",
    "$$ ? :x $2 $$",
    "$q$ ' $$ ? $q$",
    "E'a'\n'\\' $1 :x'",
)
OPERATORS = "= <> <= + - * / || -> ->> #>> @> <@ && ~ !~* ~~ % ? ?| ?& @? @@ <-> <=> like and or".split()
QUESTION_OPERATORS = ("?", "?|", "?&")
GLUES = (" ", " ", " ", " ", "\n", "\t ", " /* ? :x $9 %s ' */ ", " -- it's ? :x $9\n", "/**/", "\r\n")


class Grammar:
    """Write random statements as lists of tokens, and join these with random space and comments."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.parameters = 0

    def some(self, *choices: str) -> str:
        return self.rng.choice(choices)

    def parameter(self) -> str:
        if self.parameters and self.rng.random() < 0.3:
            return f"${self.rng.randint(1, self.parameters)}"
        self.parameters += 1
        return f"${self.parameters}"

    def operand(self, depth: int) -> list[str]:
        roll = self.rng.random()
        if roll < 0.35:
            return [self.parameter()]
        if roll < 0.6 or depth <= 0:
            return [self.rng.choice(COLUMNS if self.rng.random() < 0.6 else LITERALS)]
        return self.rng.choice(
            (
                self.cast,
                self.call,
                self.case,
                self.group,
                self.subscript,
                self.slice,
                self.subquery,
                self.array,
            )
        )(depth - 1)

    def expression(self, depth: int) -> list[str]:
        tokens = self.operand(depth)
        for _ in range(self.rng.choice((0, 0, 1, 1, 2))):
            operator = self.rng.choice(OPERATORS)
            tokens += [operator, *self.operand(depth)]
        return tokens

    def predicate(self, depth: int) -> list[str]:
        left = self.operand(depth)
        roll = self.rng.randrange(8)
        if roll == 0:
            return ["(", *left, "between", *self.operand(0), "and", *self.operand(0), ")"]
        if roll == 1:
            return [*left, "in", "(", *self.operand(0), ",", *self.operand(0), ")"]
        if roll == 2:
            return [*left, "like", *self.operand(0), "escape", *self.operand(0)]
        if roll == 3:
            return [*left, "is", "not", "distinct", "from", *self.operand(0)]
        if roll == 4:
            return [*left, self.rng.choice(QUESTION_OPERATORS), *self.operand(0)]
        if roll == 5:
            return ["not", "exists", *self.subquery(depth)]
        return self.expression(depth)

    def cast(self, depth: int) -> list[str]:
        if self.rng.random() < 0.5:
            return ["cast", "(", *self.expression(depth), "as", self.some("int", "text", "date"), ")"]
        return [*self.operand(0), "::", self.some("int", "jsonb", "text[]", "timestamp", "date")]

    def call(self, depth: int) -> list[str]:
        return ["f", "(", *self.expression(depth), ",", *self.expression(depth), ")"]

    def special(self, _depth: int) -> list[str]:
        """Write an expression with a syntax of its own."""
        one, two = self.parameter(), self.parameter()
        forms = (
            ["substring", "(", "a", "from", one, "for", two, ")"],
            ["overlay", "(", "a", "placing", one, "from", two, ")"],
            ["trim", "(", "both", one, "from", "a", ")"],
            ["(", "a", "at", "time", "zone", one, ")"],
            ["json_object", "(", "'k'", "value", one, ",", "'l'", ": ", two, ")"],
            ["sum", "(", "a", ")", "over", "(", "order", "by", one, "rows", two, "preceding", ")"],
            ["sum", "(", "a", ")", "filter", "(", "where", one, ")"],
            ["make_date", "(", "year", ":=", one, ",", "day", "=>", two, ")"],
            ["(", one, "is", "null", ")"],
            ["(", "not", one, ")"],
            ["row", "(", one, ",", two, ")"],
            ["a", "[", "b", "[", one, "]", " : ", two, "]"],
        )
        return self.rng.choice(forms)

    def case(self, depth: int) -> list[str]:
        arms = ["when", *self.predicate(depth), "then", *self.expression(depth)]
        return ["case", *arms, "else", *self.expression(depth), "end"]

    def group(self, depth: int) -> list[str]:
        return ["(", *self.expression(depth), ")"]

    def array(self, depth: int) -> list[str]:
        return ["array", "[", *self.expression(depth), ",", *self.operand(0), "]"]

    def subscript(self, depth: int) -> list[str]:
        return [self.some("a", "b"), "[", *self.expression(depth), "]"]

    def slice(self, _depth: int) -> list[str]:
        # The colon stands alone: before a name it would be `:name`, and `::` is a cast.
        low, high = self.some("1", "lo", self.parameter(), ""), self.some("2", "hi", self.parameter(), "")
        return [self.some("a", "b"), "[", *([low] if low else []), " : ", *([high] if high else []), "]"]

    def subquery(self, depth: int) -> list[str]:
        return ["(", *self.select(depth), ")"]

    def select(self, depth: int, into: bool = False) -> list[str]:
        tokens = ["select", *self.target(depth)]
        for _ in range(self.rng.choice((0, 0, 1))):
            tokens += [",", *self.target(depth)]
        if into:
            tokens += ["into", *self.rng.choice((["temp"], ["unlogged"], ["table"], [])), "new_table"]
        if self.rng.random() < 0.8:
            tokens += ["from", "t"]
            if self.rng.random() < 0.3:
                tokens += ["join", "u", "on", *self.predicate(depth)]
        if self.rng.random() < 0.5:
            tokens += ["where", *self.predicate(depth)]
        if self.rng.random() < 0.2:
            tokens += ["group", "by", "a", "having", *self.predicate(0)]
        if self.rng.random() < 0.2:
            tokens += ["order", "by", *self.expression(0), self.some("desc", "asc")]
        if self.rng.random() < 0.3:
            rows = self.parameter()
            tokens += self.rng.choice((["limit", rows], ["fetch", "first", rows, "rows", "only"]))
            tokens += ["offset", self.parameter()] if tokens[-1] == rows else []
        return tokens

    def target(self, depth: int) -> list[str]:
        label = self.rng.choice(([], [], ["as", "into"], ["as", "returning"], ["as", "end"], ["as", "select"], ["n"]))
        return [*self.expression(depth), *label]

    def query(self, depth: int, into: bool = False) -> list[str]:
        """Write a SELECT, a set operation, VALUES or TABLE; the first select may have INTO."""
        roll = self.rng.random()
        if into or roll < 0.5:
            return self.select(depth, into)
        if roll < 0.6:
            return ["values", "(", *self.expression(depth), ")", ",", "(", *self.expression(0), ")"]
        if roll < 0.65:
            return ["table", "t"]
        left = ["(", *self.query(depth - 1), ")"] if depth > 0 and roll < 0.85 else ["select", "1"]
        return [*left, self.some("union", "except", "intersect"), "all", "(", *self.select(0), ")"]

    def change(self, depth: int) -> list[str]:
        returning = ["returning", *self.target(0)] if self.rng.random() < 0.5 else []
        kind = self.rng.randrange(5)
        if kind == 0:
            body = ["insert", "into", "t", "(", "a", ")", "values", "(", *self.expression(depth), ")"]
        elif kind == 1:
            body = ["insert", "into", "t", *self.select(depth), "on", "conflict", "do", "nothing"]
        elif kind == 2:
            body = ["update", "t", "set", "a", "=", *self.operand(depth), "where", *self.predicate(depth)]
        elif kind == 3:
            body = ["delete", "from", "t", "where", *self.predicate(depth)]
        else:
            body = ["merge", "into", "t", "using", "u", "on", *self.predicate(0), "when", "matched", "then"]
            body += self.rng.choice((["delete"], ["update", "set", "a", "=", *self.operand(0)], ["do", "nothing"]))
        return [*body, *returning]

    def with_list(self, depth: int) -> list[str]:
        tokens = ["with", *self.rng.choice(([], ["recursive"]))]
        for index in range(self.rng.randint(1, 3)):
            tokens += [","] if index else []
            tokens += [self.rng.choice(NAMES) if index == 0 else f"c{index}"]
            tokens += self.rng.choice(([], ["(", self.rng.choice(NAMES), ")"]))
            tokens += ["as", *self.rng.choice(([], ["materialized"], ["not", "materialized"]))]
            body = self.change(depth) if self.rng.random() < 0.3 else self.query(depth)
            tokens += ["(", *body, ")"]
            if self.rng.random() < 0.15:
                tokens += [
                    "search",
                    "depth",
                    "first",
                    "by",
                    self.rng.choice(NAMES),
                    "set",
                    self.rng.choice(NAMES),
                ]
            if self.rng.random() < 0.15:
                tokens += ["cycle", self.rng.choice(NAMES), "set", "c", "using", self.rng.choice(NAMES)]
        return tokens

    def statement(self) -> Statement:
        self.parameters = 0
        depth = self.rng.choice((0, 1, 2))
        if self.rng.random() < 0.35:
            main = self.change(depth)
        else:
            main = self.query(depth, into=self.rng.random() < 0.2)
            if self.rng.random() < 0.15:
                main = ["(", *main, ")"]
        verb = next(token for token in main if token != "(").upper()
        main[0] = MAIN + main[0]
        if self.rng.random() < 0.4:
            main = [*self.with_list(depth), *main]
        elif self.rng.random() < 0.05:
            main, verb = [MAIN + "explain", *(token.lstrip(MAIN) for token in main)], "EXPLAIN"
        sql = self.join(main)
        at = sql.index(MAIN)
        return Statement(sql.replace(MAIN, ""), verb, at)

    def join(self, tokens: list[str]) -> str:
        parts = [self.some("", "", " ", "-- first\n", "/* first */ ")]
        for token, following in pairwise([*tokens, ""]):
            parts += (self.case_of(token), self.glue(token, following))
        return "".join(parts)

    def case_of(self, token: str) -> str:
        return token.upper() if token.isalpha() and token.isascii() and self.rng.random() < 0.2 else token

    def glue(self, token: str, following: str) -> str:
        tight = token in ("(", ",", "[", "::") or following in (")", ",", "]", "::")
        if token in ("=", "<>", "<=", "||", "->>", "@>", "&&") and (following[:1] == "$" or following.isalnum()):
            tight = True
        if following in ("=", "<>", "||", "*") and token[:1] == "$" and token[-1:].isdigit():
            tight = True
        if tight and self.rng.random() < 0.5:
            return ""
        return self.rng.choice(GLUES) if following else ""


def check_statement(statement: Statement) -> tuple[str, Difference | None]:
    """Compare one statement with its parse tree, then in every placeholder style with itself."""
    sql = statement.sql
    try:
        tree = parse_sql(sql)
    except ParseError:
        return "not parsed", None
    try:
        found = scan(sql)
    except (ParameterError, SQLParsingError) as error:
        return "different", Difference("refusal", sql, str(error), None)
    rows = tree_returns_rows(tree[0].stmt)
    seen = (found.verb, found.main_verb_at, found.returns_rows, found.can_enclose, len(found.statements))
    expected = (statement.verb, statement.main_verb_at, rows, rows and statement.verb != "EXPLAIN", 1)
    if seen != expected:
        return "different", Difference("structure", sql, seen, expected)
    if found.can_enclose and (difference := _check_enclosed(sql, found)):
        return "different", difference
    tokens = server_scan(sql)
    if difference := _check_numbers(sql, found, tokens) or _check_borders(sql, found, tokens):
        return "different", difference
    for style in STYLES:
        if difference := check_style(sql, tokens, style, escaped=False):
            return "different", difference
    if difference := check_style(sql, tokens, "qmark", escaped=True):
        return "different", difference
    return "same", None


def enclosed(sql: str, found: Scan) -> str:
    """Make the main statement a CTE, the way an adapter does it to convert result columns."""
    ((start, end),) = found.statements
    before = sql[start : found.main_verb_at]
    has_list = any(token.name not in COMMENTS for token in server_scan(before))
    return f"{before}{',' if has_list else 'with'} q as (\n{sql[found.main_verb_at : end]}\n) select * from q"


def _check_enclosed(sql: str, found: Scan) -> Difference | None:
    text = enclosed(sql, found)
    try:
        parse_sql(text)
    except ParseError as error:
        return Difference("enclosed", text, str(error), None)
    return None


def tree_returns_rows(node: Any) -> bool:
    """Tell from the parse tree whether a statement gives rows."""
    match node:
        case ast.SelectStmt():
            while node.larg is not None:
                node = node.larg
            return node.intoClause is None
        case ast.InsertStmt() | ast.UpdateStmt() | ast.DeleteStmt() | ast.MergeStmt():
            return node.returningClause is not None
        case ast.ExplainStmt() | ast.VariableShowStmt() | ast.ExecuteStmt() | ast.CallStmt():
            return True
        case ast.FetchStmt():
            return not node.ismove
    return False


def restyle(
    sql: str, tokens: list[Any], style: ParameterStyle, escaped: bool
) -> tuple[str, list[tuple[int, int]], str]:
    """Write the placeholders of a text in another style.

    Returns:
        The text, the spans of its placeholders, and the text with `$n` as splicing must give it.
    """
    parts: list[str] = []
    plain: list[str] = []
    spans: list[tuple[int, int]] = []
    length = last = ordinal = 0
    numbers: dict[int, int] = {}
    for token in tokens:
        text = sql[token.start : token.end + 1]
        if token.name == "PARAM":
            ordinal += 1
            number = int(text[1:])
            index = numbers.setdefault(number, len(numbers) + 1) if style in ("named", "pyformat") else ordinal
            new = {"named": f":p{number}", "pyformat": f"%(p{number})s", "format": "%s"}.get(style, "?")
            text = f"${index}"
        elif token.name == "Op" or token.name == "ASCII_37":
            new = text.replace("%", "%%") if style in ("format", "pyformat") else text
            new = new.replace("?", "??") if escaped else new
        else:
            continue
        parts += (sql[last : token.start], new)
        plain += (sql[last : token.start], text)
        length += token.start - last
        if token.name == "PARAM":
            spans.append((length, length + len(new)))
        length += len(new)
        last = token.end + 1
    return "".join((*parts, sql[last:])), spans, "".join((*plain, sql[last:]))


def check_style(sql: str, tokens: list[Any], style: ParameterStyle, *, escaped: bool) -> Difference | None:
    """Compare what the scanner finds in the text, written in another style, with what was written."""
    text, spans, plain = restyle(sql, tokens, style, escaped)
    if not spans:
        return None
    try:
        found = scan(text)
    except (ParameterError, SQLParsingError) as error:
        return Difference(style, text, str(error), spans)
    seen = [(hit.start, hit.end) for hit in found.placeholders]
    if found.style != style or seen != spans:
        return Difference(style, text, seen, spans)
    spliced = splice(text, found, "${}".format)
    return Difference(f"splice {style}", text, spliced, plain) if spliced != plain else None


def script_text(rng: Random) -> tuple[str, int]:
    """Write several statements in one text; return it and their number."""
    grammar = Grammar(rng)
    statements = [grammar.statement().sql for _ in range(rng.randint(1, 3))]
    if rng.random() < 0.5:
        statements.insert(rng.randrange(len(statements) + 1), routine(grammar))
    gaps = (";", ";\n", " ; ; ", ";-- ;\n", ";/* ; */;")
    return "".join(statement + rng.choice(gaps) for statement in statements), len(statements)


def routine(grammar: Grammar) -> str:
    """Write a routine whose body holds statements."""
    head = ["create", *grammar.rng.choice(([], ["or", "replace"]))]
    head += grammar.rng.choice(
        (["function", "f", "(", ")", "returns", "int"], ["procedure", "p", "(", "a", "int", ")"])
    )
    body = ["begin", "atomic"]
    for _ in range(grammar.rng.randint(0, 3)):
        body += [*grammar.rng.choice((grammar.select, grammar.change))(1), ";"]
    return grammar.join([*head, "language", "sql", *body, "end"])


def check_script(sql: str, count: int) -> tuple[str, Difference | None]:
    """Compare the borders of several statements with those of the parser."""
    try:
        tree = parse_sql(sql)
    except ParseError:
        return "not parsed", None
    found = scan(sql)
    tokens = server_scan(sql)
    seen = [_first_token(tokens, start) for start, _ in found.statements]
    # The parser's offset is that of the first token or, at the start of the text, 0.
    expected = [_first_token(tokens, raw.stmt_location or 0) for raw in tree]
    if seen != expected or len(seen) != count:
        return "different", Difference("script", sql, seen, expected)
    return "same", None


Kind = Literal["fragments", "statements", "scripts"]


def run(kind: Kind, texts: int, seed: int) -> tuple[Counter[str], list[Difference]]:
    """Check a number of random texts of one kind."""
    rng = Random(seed)
    outcomes: Counter[str] = Counter()
    differences: list[Difference] = []
    for _ in range(texts):
        if kind == "fragments":
            outcome, difference = check_fragments(fragment_text(rng))
        elif kind == "statements":
            outcome, difference = check_statement(Grammar(rng).statement())
        else:
            outcome, difference = check_script(*script_text(rng))
        outcomes[outcome] += 1
        if difference:
            differences.append(difference)
    return outcomes, differences


def main(arguments: list[str]) -> int:
    texts = int(arguments[0]) if arguments else 100_000
    seed = int(arguments[1]) if len(arguments) > 1 else 1
    found: list[Difference] = []
    shares: tuple[tuple[Kind, int], ...] = (
        ("fragments", texts // 2),
        ("statements", texts - texts // 2 - texts // 8),
        ("scripts", texts // 8),
    )
    for kind, share in shares:
        outcomes, differences = run(kind, share, seed)
        found += differences
        for outcome, count in sorted(outcomes.items()):
            print(f"{count:8} {kind}: {outcome}")
    for difference in sorted(found, key=lambda each: len(each.sql))[:10]:
        print(f"\n{difference.kind}\n  {difference.sql!r}")
        print(f"  seen     {difference.seen}\n  expected {difference.expected}")
    print(f"\n{len(found)} differences in {texts} texts, seed {seed}")
    return bool(found)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
