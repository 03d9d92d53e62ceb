"""pytest plugin (`-p tests.support.home`): every run gets a home of its own, whatever the shell had set.

It must be a plugin named on the command line and not part of conftest.py: pytest-django reads the settings before
any conftest.py is imported.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

TEST_KEY = "a signing key for tests only, known to everyone"


def _prepare() -> None:
    for name in [name for name in os.environ if name.startswith("TONGFA_")]:
        del os.environ[name]
    os.environ.pop("BROKER_URL", None)
    home = tempfile.mkdtemp(prefix="tongfa-test-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.environ.update(TONGFA_HOME=home, TONGFA_SECRET_KEY=TEST_KEY)
    # DATABASE_URL is kept: scripts/run_tests.py runs the records' tests a second time on PostgreSQL.


_prepare()
