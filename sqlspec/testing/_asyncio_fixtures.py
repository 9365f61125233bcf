"""The part of the pytest plugin that needs pytest-asyncio: one config fixture for each scope of event loop.

A pool belongs to the loop that opened it, and the loop of a test is known only when the test is: so
`sqlspec_config` picks one of these by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pytest_asyncio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    _Scope = Literal["function", "class", "module", "package", "session"]


def _config_in(scope: _Scope) -> Any:
    @pytest_asyncio.fixture(loop_scope=scope, name=f"_sqlspec_config_in_{scope}_loop")
    async def config(sqlspec_config_class: type[Any], sqlspec_postgres: str) -> AsyncIterator[Any]:
        config = sqlspec_config_class(connection_config={"dsn": sqlspec_postgres})
        yield config
        await config.close()

    return config


config_in_function_loop = _config_in("function")
config_in_class_loop = _config_in("class")
config_in_module_loop = _config_in("module")
config_in_package_loop = _config_in("package")
config_in_session_loop = _config_in("session")
