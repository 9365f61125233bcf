"""Where the package was installed without a C compiler, the codecs pass their tests too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sqlspec.postgres.codec.reading import compiled

HERE = Path(__file__)
CODE = """
import sys
sys.modules["sqlspec.postgres.codec._binary"] = None
import pytest
sys.exit(pytest.main(["-q", "-x", "-p", "no:cacheprovider", *sys.argv[1:]]))
"""


@pytest.mark.skipif(compiled is None, reason="all tests run without the module")
def test_the_codecs_work_without_the_module() -> None:
    files = [str(HERE.with_name(f"test_codec_{name}.py")) for name in ("containers", "refusals", "registry")]
    command = [sys.executable, "-c", CODE, *files]
    run = subprocess.run(command, capture_output=True, text=True, cwd=HERE.parents[3], check=False)
    assert run.returncode == 0, run.stdout
