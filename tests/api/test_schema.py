"""Schemathesis asks everything that the OpenAPI document allows, and much that it does not; all its checks hold.

In process, over the WSGI application. The number of requests is bounded: `EXAMPLES` random ones for each operation, and
those by which it covers the limits of every value.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.core.parameters import ParameterLocation

from bot.api import security
from bot.api.app import api
from tests.console.world import ARTICLES, District

from .machine import Machine, fresh_key

EXAMPLES = int(os.environ.get("SCHEMA_EXAMPLES", "15"))
REPORT = os.environ.get("SCHEMA_REPORT", "")  # a file to count the requests in
KEY = "Idempotency-Key"
VALID_KEY = re.compile(r"[A-Za-z0-9._:-]{8,64}")

#: The instants that anybody means; `date-time` alone would be any year from 0 to 9999.
schemathesis.openapi.format(
    "date-time",
    st.datetimes(datetime(2000, 1, 2), datetime(2199, 12, 30), timezones=st.just(UTC)).map(lambda at: at.isoformat()),
)
#: A body that is too long to be read is refused as such (413), whatever else is wrong with it.
REFUSED = ["400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "428", "429", "5xx"]
CONFIG = {"checks": {"negative_data_rejection": {"expected-statuses": REFUSED}}}
schema: Any = schemathesis.openapi.from_dict(
    json.loads(json.dumps(api.get_openapi_schema())), config=schemathesis.Config.from_dict(CONFIG)
)
schema.app = get_wsgi_application()


@pytest.fixture
def populated(machine: Machine, district: District, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """Something to find; and whoever checks that wrong tokens are refused is not slowed down."""
    monkeypatch.setattr(security, "WRONG_PER_MINUTE", 10**6)
    district.approved(ARTICLES[0])  # the examples of the document are about this one, and the next
    district.document(ARTICLES[1])
    district.signed(ARTICLES[2])
    for signal in (
        request_started,
        request_finished,
    ):  # as Django's own test client does: the test holds the connection
        signal.disconnect(close_old_connections)
    yield machine
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture(scope="module")
def answers() -> Iterator[Counter[tuple[str, str]]]:
    """How often each operation was asked and how it answered; written down where a report is wanted."""
    counted: Counter[tuple[str, str]] = Counter()
    yield counted
    if REPORT:
        classes = ("2xx", "3xx", "4xx", "5xx")
        with Path(REPORT).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["operation", "requests", *classes, "failed_checks"])
            for operation in sorted({operation for operation, _ in counted}):
                each = [counted[operation, one] for one in classes]
                writer.writerow([operation, sum(each), *each, counted[operation, "failed"]])


@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_the_interface_keeps_to_its_document(case: Any, populated: Machine, answers: Counter[tuple[str, str]]) -> None:
    if VALID_KEY.fullmatch(str(case.headers.get(KEY, ""))):
        case.headers[KEY] = fresh_key()  # a key that stands for another call is refused, whatever else is right
    operation = f"{case.method} {case.path}"
    headers = _token(case, populated)
    answer = case.call(headers=headers)
    answers[operation, f"{answer.status_code // 100}xx"] += 1
    try:
        case.validate_response(answer, headers=headers)
    except BaseException:
        answers[operation, "failed"] += 1
        raise


def _token(case: Any, machine: Machine) -> dict[str, str]:
    """The token, but for cases that are about a request without one."""
    about_it = case.meta.is_negative_at(ParameterLocation.HEADER) and "Authorization" not in case.headers
    return {} if about_it else {"Authorization": f"Bearer {machine.secret}"}
