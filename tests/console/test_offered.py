"""What a page offers a person, they may do: no form and no link on it is answered that the role is not theirs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from django.contrib.messages import get_messages
from django.db import transaction
from django.test import Client
from django.urls import resolve

from bot.console import stepup
from bot.services import people

from .test_bounded import Furnished
from .world import District, now

#: Where there is something to press. `{...}` is named by `Furnished`.
PAGES = (
    "/", "/documents", "/documents/{document}", "/documents/{draft}", "/documents/{waiting_id}", "/preview/{draft}", "/reviews",
    "/reviews/{waiting}", "/releases", "/releases/{release}", "/releases/{stuck}", "/releases/{planned}", "/calendar",
    "/exceptions", "/exceptions/{unsolved}", "/releases/{live}/withdraw", "/manual", "/urgent", "/urgent/{urgency}",
    "/accounts", "/accounts/wx", "/trail", "/data", "/people", "/people/person/duty", "/me",
)  # fmt: skip
ROLES = ("editor", "first", "releaser", "duty", "auditor", "sysadmin", "secadmin")
#: They end the session, ask for a file or a stream, or ask a platform, which takes its time; their own tests press them.
APART = {
    "logout", "desk-events", "release-events", "data-export", "trail-export", "account-check", "check-again", "exception-look",
    "exception-live", "show",
}  # fmt: skip


@dataclass
class Form:
    """One that is sent by a press: where to, and with what in it."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class Offered(HTMLParser):
    """The forms and the links of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: set[str] = set()
        self._form: Form | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and given.get("href", "").startswith("/"):
            self.links.add(given["href"])
        elif tag == "form":
            self._form = Form(given["action"]) if given.get("method") == "post" else None
            self.forms += [self._form] if self._form else []
        elif self._form is not None:
            self._press(tag, given)

    def _press(self, tag: str, given: dict[str, str]) -> None:
        assert self._form is not None
        if "formaction" in given:
            self.forms.append(Form(given["formaction"], dict(self._form.fields)))
        elif given.get("name", "csrfmiddlewaretoken") != "csrfmiddlewaretoken" and tag in {"input", "textarea"}:
            self._form.fields[given["name"]] = given.get("value") or "试一试"

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None


def client_of(district: District, role: str) -> Client:
    made = people.add_person(
        f"holder-{role}", name="冯管", unit=district.unit, roles=[role], password=None, actor="test", now=now()
    )
    client = Client()
    client.force_login(made)
    session = client.session
    session[stepup.CONFIRMED] = now().timestamp()
    session.save()
    return client


def refused(answer: Any) -> bool:
    """As a page of its own, or as a message on the page that it leads back to."""
    told = "".join(str(one) for one in get_messages(answer.wsgi_request)) if hasattr(answer, "wsgi_request") else ""
    return answer.status_code == 403 or "没有权限" in told or ("您没有" in told and "权限" in told)


def pages(client: Client, names: dict[str, object]) -> Iterator[tuple[str, str]]:
    """Those that this person may open at all."""
    for path in PAGES:
        address = path.format_map(names)
        answer = client.get(address)
        if answer.status_code == 200:
            yield address, answer.content.decode()


def name_of(address: str) -> str:
    """The page in `urls.py`; "" for a file."""
    path = address.partition("#")[0].partition("?")[0]
    return "" if path.startswith(("/static/", "/assets/")) else resolve(path).url_name or ""


def test_no_form_and_no_link_of_a_page_is_refused_to_whom_it_is_shown(district: District) -> None:
    """Of forms and links that differ in a number alone, one is tried for each page."""
    furnished = Furnished(district)
    wrong: list[tuple[Any, ...]] = []
    for role in ROLES:
        client, tried = client_of(district, role), set[Any]()
        for page, text in pages(client, furnished.names):
            offered = Offered(text)
            for form in offered.forms:
                key = (name_of(form.action), *sorted(form.fields.items()))
                if key[0] in APART or key in tried:
                    continue
                tried.add(key)
                with transaction.atomic():
                    if refused(client.post(form.action.partition("#")[0], form.fields)):
                        wrong.append((role, page, "form", form.action, form.fields))
                    transaction.set_rollback(True)
            for link in sorted(offered.links):
                name = name_of(link)
                if name and name not in APART and name not in tried:
                    tried.add(name)
                    if client.get(link.partition("#")[0]).status_code == 403:
                        wrong.append((role, page, "link", link))
        assert len(tried) > 5, role
    assert wrong == []
