"""Says what is missing when Python is too old. Runs on any Python 3."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this is the file that says so
    sys.stderr.write(
        "同发需要 Python 3.11 或更高版本，当前是 {0}.{1}。安装后可用 make PYTHON=/路径/python3.11 指定。\n"
        "Tongfa needs Python 3.11 or later, this is {0}.{1}; name another with make PYTHON=...\n".format(
            *sys.version_info[:2]
        )
    )
    sys.exit(1)
