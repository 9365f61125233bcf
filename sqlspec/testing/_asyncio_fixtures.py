"""The part of the pytest plugin that needs pytest-asyncio: fixtures for each scope of event loop.

A pool belongs to the loop that opened it, and the loop of a test is known only when the test is: so
`sqlspec_config` and `sqlspec_session` pick among these by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pytest
import pytest_asyncio

from sqlspec.testing.isolation import rolled_back
from sqlspec.testing.leaks import LeakError, no_leaks
from sqlspec.testing.plugin import looks_for_leaks, recording

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlspec.testing.recorder import Recorder

    _Scope = Literal["function", "class", "module", "package", "session"]


def _config_in(scope: _Scope) -> Any:
    @pytest_asyncio.fixture(loop_scope=scope, name=f"_sqlspec_config_in_{scope}_loop")
    async def config(
        request: pytest.FixtureRequest,
        sqlspec_config_class: type[Any],
        sqlspec_postgres: str,
        sqlspec_recorder: Recorder,
    ) -> AsyncIterator[Any]:
        config = sqlspec_config_class(connection_config={"dsn": sqlspec_postgres})
        try:
            with recording(request, config, sqlspec_recorder):
                if looks_for_leaks(request, config):
                    async with no_leaks(config):
                        yield config
                else:
                    yield config
        except LeakError:
            await config.close(0)
            raise
        await config.close()

    return config


def _session_in(scope: _Scope) -> Any:
    @pytest_asyncio.fixture(loop_scope=scope, name=f"_sqlspec_session_in_{scope}_loop")
    async def session(request: pytest.FixtureRequest, sqlspec_config: Any) -> AsyncIterator[Any]:
        async with rolled_back(sqlspec_config) as session:
            yield session

    return session


config_in_function_loop, session_in_function_loop = _config_in("function"), _session_in("function")
config_in_class_loop, session_in_class_loop = _config_in("class"), _session_in("class")
config_in_module_loop, session_in_module_loop = _config_in("module"), _session_in("module")
config_in_package_loop, session_in_package_loop = _config_in("package"), _session_in("package")
config_in_session_loop, session_in_session_loop = _config_in("session"), _session_in("session")
