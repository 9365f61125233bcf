"""Connection strings in both of libpq's forms; psycopg's libpq is the oracle where it is installed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlspec.exceptions import ImproperConfigurationError
from sqlspec.postgres.dsn import LIBPQ_ONLY, PARAMETERS, format_dsn, parse_dsn, suggest

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
HOST = st.one_of(
    st.from_regex(r"[a-z][a-z0-9.-]{0,10}", fullmatch=True),
    st.from_regex(r"[/@][A-Za-z0-9_./ %:@-]{1,10}", fullmatch=True),
    st.ip_addresses(v=6).map(str),
)


def parsed(text: str) -> dict[str, str]:
    return dict(parse_dsn(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql://", {}),
        ("postgres://h", {"host": "h"}),
        ("POSTGRESQL://h", {"host": "h"}),
        ("postgresql://h:5433", {"host": "h", "port": "5433"}),
        ("postgresql://h:/db", {"host": "h", "dbname": "db"}),
        ("postgresql://u@h/db", {"user": "u", "host": "h", "dbname": "db"}),
        ("postgresql://u:p@h/db", {"user": "u", "password": "p", "host": "h", "dbname": "db"}),
        ("postgresql://u:p:q@h", {"user": "u", "password": "p:q", "host": "h"}),
        ("postgresql://u:@h", {"user": "u", "host": "h"}),
        ("postgresql://:p@", {"password": "p"}),
        ("postgresql:///db", {"dbname": "db"}),
        ("postgresql://:5433/db", {"port": "5433", "dbname": "db"}),
        ("postgresql://h/", {"host": "h"}),
        ("postgresql://h?sslmode=require", {"host": "h", "sslmode": "require"}),
        ("postgresql://a,b/db", {"host": "a,b", "dbname": "db"}),
        ("postgresql://a:1,b:2/db", {"host": "a,b", "port": "1,2", "dbname": "db"}),
        ("postgresql://a:1,b/db", {"host": "a,b", "port": "1,", "dbname": "db"}),
        ("postgresql://[::1]:5433/db", {"host": "::1", "port": "5433", "dbname": "db"}),
        ("postgresql://[fe80::1%25eth0]", {"host": "fe80::1%eth0"}),
        ("postgresql://[::1],h:2", {"host": "::1,h", "port": ",2"}),
        ("postgresql://%2Fvar%2Frun:5433/db", {"host": "/var/run", "port": "5433", "dbname": "db"}),
        ("postgresql:///db?host=/var/run&port=5433", {"dbname": "db", "host": "/var/run", "port": "5433"}),
        (
            "postgresql://u%40x:p%3A%2F%3F%25@h/d%20b",
            {"user": "u@x", "password": "p:/?%", "host": "h", "dbname": "d b"},
        ),
        ("postgresql://u:%C3%A4@h", {"user": "u", "password": "ä", "host": "h"}),
        ("postgresql://u:ä@h", {"user": "u", "password": "ä", "host": "h"}),
        ("postgresql://u:p?q@h", {"user": "u", "password": "p?q", "host": "h"}),
        ("postgresql://h?options=-c%20geqo%3Doff", {"host": "h", "options": "-c geqo=off"}),
        ("postgresql://h?application_name=a+b", {"host": "h", "application_name": "a+b"}),
        ("postgresql://h/d?user=a@b", {"host": "h", "dbname": "d", "user": "a@b"}),
        ("postgresql://h?ssl=true", {"host": "h", "sslmode": "require"}),
        ("host=h", {"host": "h"}),
        ("host=h port=5433 user=u dbname=d", {"host": "h", "port": "5433", "user": "u", "dbname": "d"}),
        ("  host = h\n port =5433 ", {"host": "h", "port": "5433"}),
        ("password='it''s'", None),
        (r"password='it\'s' host=h", {"password": "it's", "host": "h"}),
        (r"password='a b\\c'", {"password": r"a b\c"}),
        (r"password=a\ b\\c", {"password": r"a b\c"}),
        ("password=a'b", {"password": "a'b"}),
        ("password=a=b://c", {"password": "a=b://c"}),
        ("password='' host=h", {"host": "h"}),
        ("host='a' user='b'", {"host": "a", "user": "b"}),
        ("host=/tmp,b port=1,2", {"host": "/tmp,b", "port": "1,2"}),
        ("password=x\\ \n", {"password": "x "}),
    ],
)
def test_forms(text: str, expected: dict[str, str] | None) -> None:
    if expected is None:
        with pytest.raises(ImproperConfigurationError):
            parse_dsn(text)
    else:
        assert parsed(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://u:p%40w@h1:1,h2:2/d%20b?sslmode=require&application_name=x%26y",
        "postgresql://[2001:db8::1]:5433/db?connect_timeout=3",
        "postgres://%2Ftmp/db?options=-c%20work_mem%3D1MB",
        "postgresql://u:p?q@h:1",
        "postgresql://h?ssl=true",
        r"host=h password='a \' b' user=x\ y dbname=z",
        "host = h   port=5433\tkeepalives=0",
        "password=a'b host=h",
        "host='a'user='b'",
    ],
)
def test_libpq_reads_the_same(text: str) -> None:
    conninfo = pytest.importorskip("psycopg.conninfo")
    assert parsed(text) == conninfo.conninfo_to_dict(text)


@given(
    places=st.lists(st.tuples(HOST, st.integers(1, 65535)), min_size=1, max_size=3),
    user=TEXT,
    password=st.none() | TEXT,
    database=st.none() | TEXT,
    parameters=st.dictionaries(st.sampled_from(["application_name", "options", "sslkey"]), TEXT),
)
def test_written_urls_are_read_back(
    places: list[tuple[str, int]],
    user: str,
    password: str | None,
    database: str | None,
    parameters: dict[str, str],
) -> None:
    hosts = [host for host, _ in places]
    ports = [port for _, port in places]
    url = format_dsn(hosts, ports, user=user, password=password, database=database, parameters=parameters)
    expected = {
        "user": user,
        "password": password,
        "host": ",".join(hosts),
        "port": ",".join(map(str, ports)),
        "dbname": database,
        **parameters,
    }
    assert parsed(url) == {name: value for name, value in expected.items() if value is not None}


@given(st.dictionaries(st.sampled_from(sorted(PARAMETERS)), TEXT, min_size=1))
def test_quoted_pairs_are_read_back(parameters: dict[str, str]) -> None:
    def quoted(value: str) -> str:
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"

    assert parsed(" ".join(f"{name}={quoted(value)}" for name, value in parameters.items())) == parameters


@given(st.dictionaries(st.sampled_from(sorted(PARAMETERS)), TEXT, min_size=1))
def test_escaped_pairs_are_read_back(parameters: dict[str, str]) -> None:
    def escaped(value: str) -> str:
        return "".join("\\" + char if char.isspace() or char in "\\'" else char for char in value)

    assert parsed(" ".join(f"{name}={escaped(value)}" for name, value in parameters.items())) == parameters


def error_of(text: str) -> ImproperConfigurationError | None:
    try:
        parse_dsn(text)
    except ImproperConfigurationError as error:
        return error
    return None


# Eight drawn characters are not found in the words of an error by chance.
@given(st.text(min_size=8), st.sampled_from(["{}", "postgresql://u:{}@h/db", "host=h password={}"]))
def test_any_text_is_read_or_refused_without_being_shown(text: str, form: str) -> None:
    error = error_of(form.format(text))
    assert error is None or (text not in str(error) and error.__context__ is None)


SECRET = "S3cr3t"


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        f"mysql://u:{SECRET}@h/db",
        f"postgresql+driver://u:{SECRET}@h/db",
        f"postgresql://u:{SECRET}/x@h/db",
        f"postgresql://u:1/{SECRET}@h/db",
        f"postgresql://u:1/x?{SECRET}@h/db",
        f"postgresql://u:1/x?{SECRET}=@h/db",
        f"postgresql://u:{SECRET}@x@h/db",
        f"postgresql://u:{SECRET}%zz@h/db",
        f"postgresql://u:{SECRET}%ff@h/db",
        f"postgresql://u:{SECRET}%00@h/db",
        f"postgresql://u:%@{SECRET}@h/db",
        f"postgresql://u?{SECRET}@h/db",
        f"postgresql://h/db?password=x&{SECRET}",
        f"postgresql://h/db?password=x&{SECRET}=1",
        f"postgresql://h/db?{SECRET}%=1",
        f"host=h password='{SECRET}",
        f"host=h password=x {SECRET}",
        f"host=h password=x {SECRET}=",
        f"host=h password=x {SECRET} user=u",
        f"host=h password={SECRET}\\",
        f"host=h {SECRET}-1=1",
    ],
)
def test_malformed_text_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ImproperConfigurationError, match=r"^cannot read the DSN: .+; .+") as caught:
        parse_dsn(text)
    assert SECRET not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("text", ["postgresql://h?sslmod=require", "host=h sslmod=require"])
def test_unknown_parameter_is_named_with_the_nearest(text: str) -> None:
    with pytest.raises(ImproperConfigurationError, match=r"unknown parameter 'sslmod'; did you mean 'sslmode'\?"):
        parse_dsn(text)


def test_unknown_parameter_without_a_near_one_lists_the_valid_ones() -> None:
    with pytest.raises(ImproperConfigurationError, match="valid are application_name, client_encoding"):
        parse_dsn("postgresql://h?zzz=1")


def test_native_parameters_are_read_when_the_driver_takes_them() -> None:
    with pytest.raises(ImproperConfigurationError, match="prepare_threshold"):
        parse_dsn("postgresql://h?prepare_threshold=5")
    assert dict(parse_dsn("postgresql://h?prepare_threshold=5", {"prepare_threshold"}))["prepare_threshold"] == "5"


def test_a_repeated_parameter_is_handed_on_twice() -> None:
    # The caller decides: equal values agree, different ones conflict.
    assert parse_dsn("postgresql://a?host=b") == (("host", "a"), ("host", "b"))


def test_libpq_agrees_that_the_parameters_exist() -> None:
    pq = pytest.importorskip("psycopg.pq")
    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    # A setting of the server that several drivers take in their URLs.
    assert PARAMETERS.keys() - {"statement_timeout"} <= known
    # The newest libpq may know more: then the list of names that we refuse with a reason has grown.
    assert known - PARAMETERS.keys() - LIBPQ_ONLY - {"authtype", "tty"} == set()


def test_password_stars_are_not_encoded() -> None:
    assert format_dsn(["h"], [1], user="u", password="***", database="d") == "postgresql://u:***@h:1/d"


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("databse", "did you mean 'database'?"),
        ("DataBase", "did you mean 'database'?"),
        ("q", "valid are database, user"),
    ],
)
def test_suggestions(name: str, advice: str) -> None:
    assert suggest(name, {"user", "database"}) == advice
