"""A database and a home for every run, copied from a template in milliseconds."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg
from django.db import connection

from tests.support.postgres import embedded_postgres


class Databases:
    """Templates and copies; the kind is one of "sqlite" and "postgresql"."""

    def __init__(self, kind: str, folder: Path, server: str = "") -> None:
        self.kind, self._folder, self._server = kind, folder, server

    def url(self, name: str) -> str:
        """Address of a database by its name."""
        if self.kind == "sqlite":
            return f"sqlite:///{quote(str(self._folder / name))}.sqlite3"
        return urlsplit(self._server)._replace(path=f"/{name}").geturl()

    def copy(self, template: str, name: str) -> None:
        """Make the database `name` out of `template`, to which nobody may be connected."""
        if self.kind == "sqlite":
            shutil.copyfile(self._folder / f"{template}.sqlite3", self._folder / f"{name}.sqlite3")
        else:
            self._admin(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')

    def create(self, name: str) -> None:
        """An empty one."""
        if self.kind == "postgresql":
            self._admin(f'CREATE DATABASE "{name}"')

    def drop(self, name: str) -> None:
        """Forget it, whoever is still connected."""
        if self.kind == "sqlite":
            for ending in ("", "-journal", "-wal", "-shm"):
                (self._folder / f"{name}.sqlite3{ending}").unlink(missing_ok=True)
        else:
            self._admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def use(self, name: str) -> None:
        """Let Django of this process work on it; no connection may be open."""
        connection.settings_dict["NAME"] = str(self._folder / f"{name}.sqlite3") if self.kind == "sqlite" else name

    def _admin(self, statement: str) -> None:
        with psycopg.connect(self._server, autocommit=True) as session:
            session.execute(statement.encode())


@contextlib.contextmanager
def databases(kind: str, folder: Path) -> Iterator[Databases]:
    """Databases under `folder`; a PostgreSQL server of their own where that is asked for."""
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "sqlite":
        os.environ["DATABASE_URL"] = f"sqlite:///{quote(str(folder / 'none.sqlite3'))}"
        yield Databases(kind, folder)
        return
    with embedded_postgres() as server:
        os.environ["DATABASE_URL"] = server
        yield Databases(kind, folder, server)
