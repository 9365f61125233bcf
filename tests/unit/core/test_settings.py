"""SET statements that would change how text is read, told from all others."""

from __future__ import annotations

import pytest

from sqlspec.core._settings import rereads


@pytest.mark.parametrize("behind", ["work_mem = 1", "client_encoding = 'UTF8'", "client_encoding", "names"])
@pytest.mark.parametrize("gap", ["/*a*/", "-- a\n", " ", "/* a -- b */\n"])
def test_a_text_of_many_comments_is_told_at_once(behind: str, gap: str) -> None:
    """Comments could be taken together in exponentially many ways."""
    assert rereads(f"{gap * 500}set /**/{gap * 500}{behind}") == ""
    assert rereads(f"{gap * 500}set /**/{gap * 500}names/**/{gap * 500}'latin1'") == "client_encoding"
