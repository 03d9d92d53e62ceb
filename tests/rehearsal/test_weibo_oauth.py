"""OAuth2 of the rehearsal Weibo: consent, codes used once, tokens of every kind."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from .clients import LINK, TOKEN, UID, Control, Weibo

TEXT = f"【河东区政策解读】要点一句。 全文：{LINK}"
REDIRECT = "http://127.0.0.1:8000/weibo/callback"


def code_of(answer: requests.Response) -> int:
    return int(answer.json().get("error_code", 0))


def authorise(weibo: Weibo, **more: str) -> dict[str, str]:
    form = {"client_id": "rehearsalkey", "redirect_uri": REDIRECT, "response_type": "code", "state": "s1"} | more
    answer = weibo.http.post(f"{weibo.base}/oauth2/authorize", data=form, allow_redirects=False, timeout=5)
    if answer.status_code != 302:
        return {"error_code": str(code_of(answer))}
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def exchange(weibo: Weibo, code: str, **more: str) -> requests.Response:
    form = {"client_id": "rehearsalkey", "client_secret": "rehearsal-weibo-secret", "redirect_uri": REDIRECT}
    form |= {"grant_type": "authorization_code", "code": code} | more
    return weibo.http.post(f"{weibo.base}/oauth2/access_token", data=form, timeout=5)


def test_the_consent_page_says_that_it_is_a_rehearsal(weibo: Weibo) -> None:
    query = {"client_id": "rehearsalkey", "redirect_uri": REDIRECT, "state": "s1"}
    page = weibo.http.get(f"{weibo.base}/oauth2/authorize", params=query, timeout=5)
    assert page.headers["Content-Type"].startswith("text/html")
    assert "演练" in page.text
    assert "临沂河东" in page.text


def test_a_code_is_exchanged_once_for_a_token_that_works(weibo: Weibo) -> None:
    back = authorise(weibo)
    assert back["state"] == "s1"
    answer = exchange(weibo, back["code"]).json()
    assert (answer["uid"], answer["expires_in"]) == (UID, 157_680_000)
    assert answer["access_token"].startswith("2.00")
    assert Weibo(weibo.root, answer["access_token"]).get("users/show", uid=UID).status_code == 200
    again = exchange(weibo, back["code"])
    assert (again.status_code, code_of(again)) == (400, 21325)
    assert again.json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"client_id": "x"}, "21324"),
        ({"redirect_uri": "http://evil.example/"}, "21322"),
        ({"response_type": "token"}, "21329"),
        ({"action": "deny"}, "21330"),
        ({"uid": "999"}, "20003"),
    ],
)
def test_authorising_wrongly_is_named(weibo: Weibo, more: dict[str, str], code: str) -> None:
    assert authorise(weibo, **more)["error_code"] == code


def test_exchanging_wrongly_is_named(weibo: Weibo) -> None:
    assert code_of(exchange(weibo, "x", client_secret="bad")) == 21324
    assert code_of(exchange(weibo, "x", grant_type="password")) == 21328
    assert code_of(exchange(weibo, "x")) == 21325
    assert code_of(weibo.http.get(f"{weibo.base}/oauth2/access_token", timeout=5)) == 10021


def test_an_unreviewed_app_lets_only_testers_in(weibo: Weibo, control: Control) -> None:
    change = {"platform": "weibo", "account": UID, "set": {"review": "pending", "tester": False}}
    control.post("accounts/change", change)
    assert authorise(weibo)["error_code"] == "21321"


def test_a_clerks_private_account_can_be_chosen_and_is_named_in_the_answer(weibo: Weibo, control: Control) -> None:
    control.post("accounts", {"platform": "weibo", "uid": "77", "screen_name": "小王", "token_kind": "30day"})
    answer = exchange(weibo, authorise(weibo, uid="77")["code"]).json()
    assert (answer["uid"], answer["expires_in"]) == ("77", 2_592_000)


@pytest.mark.parametrize(
    ("kind", "code"), [("owner", 0), ("30day", 0), ("1day", 0), ("expired", 21327), ("revoked", 21316)]
)
def test_tokens_of_every_kind(weibo: Weibo, control: Control, kind: str, code: int) -> None:
    token = control.post("tokens", {"account": UID, "kind": kind})["token"]
    assert code_of(Weibo(weibo.root, token).get("users/show", uid=UID)) == code


def test_token_info_has_a_singular_expire_in(weibo: Weibo) -> None:
    info = weibo.http.post(f"{weibo.base}/oauth2/get_token_info", data={"access_token": TOKEN}, timeout=5).json()
    assert str(info["uid"]) == UID
    assert 157_000_000 < info["expire_in"] <= 157_680_000


def test_a_withdrawn_authorisation_ends_the_token(weibo: Weibo) -> None:
    url = f"{weibo.base}/oauth2/revokeoauth2"
    assert weibo.http.post(url, data={"access_token": TOKEN}, timeout=5).json() == {"result": "true"}
    assert code_of(weibo.share(TEXT)) == 21319


def test_a_token_travels_in_header_body_or_query(weibo: Weibo) -> None:
    url = f"{weibo.base}/2/users/show.json"
    assert requests.get(url, params={"uid": UID, "access_token": TOKEN}, timeout=5).status_code == 200
    share = f"{weibo.base}/2/statuses/share.json"
    body = {"status": TEXT, "rip": "203.0.113.7", "access_token": TOKEN}
    assert requests.post(share, data=body, timeout=5).status_code == 200
    assert code_of(requests.get(url, params={"uid": UID}, timeout=5)) == 10006
    assert code_of(requests.post(share, files={"pic": b"x"}, timeout=5)) == 21301
    assert code_of(Weibo(weibo.root, "2.00nonsense").get("users/show", uid=UID)) == 21332


def test_an_app_without_a_page_uses_the_default_one(weibo: Weibo) -> None:
    page = f"{weibo.base}/oauth2/default.html"
    code = authorise(weibo, redirect_uri=page)["code"]
    assert code in weibo.http.get(page, params={"code": code}, timeout=5).text
    assert exchange(weibo, code, redirect_uri=REDIRECT).json()["error_code"] == 21322
