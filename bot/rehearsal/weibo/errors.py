"""Weibo's refusals: `error`, `error_code`, `request`, and an HTTP status that depends on the code (section 5)."""

from __future__ import annotations

from typing import Any

TEXTS = {
    10001: "System error!",
    10002: "Service unavailable!",
    10003: "Remote service error!",
    10004: "IP limit!",
    10006: "Source paramter (appkey) is missing!",
    10007: "Unsupport mediatype!",
    10008: "Param error, see doc for more info.",
    10014: "Insufficient app permissions!",
    10016: "Miss required parameter!",
    10017: "Parameter's value invalid!",
    10018: "Request body length over limit!",
    10020: "Request api not found!",
    10021: "Http method is not suported for this request!",
    10022: "IP requests out of rate limit!",
    10023: "User requests out of rate limit!",
    10024: "User requests for this interface is out of rate limit!",
    20001: "IDs is null!",
    20003: "User does not exists!",
    20005: "Unsupported image type, only suport JPG, GIF, PNG!",
    20006: "Image size too large!",
    20008: "Content is null!",
    20009: "IDs is too many!",
    20012: "Text too long, please input text less than 140 characters!",
    20016: "Out of limit!",
    20017: "Repeat content! (similar)",
    20018: "Contains forbid world! (url)",
    20019: "repeat content!",
    20032: "Update success, while server slow now, please wait 1-2 minutes",
    20101: "Target weibo does not exist!",
    20102: "Not your own weibo!",
    20109: "Weibo id is null!",
    21301: "auth by Null spi!",
    21316: "token_revoked",
    21319: "Accessor was revoked",
    21321: "applications over the unaudited use restrictions!",
    21322: "redirect_uri_mismatch",
    21323: "invalid_request",
    21324: "invalid_client",
    21325: "invalid_grant",
    21327: "expired_token",
    21328: "unsupported_grant_type",
    21329: "unsupported_response_type",
    21330: "access_denied",
    21332: "invalid_access_token",
    21335: "uid parameter must be current user!",
}


class WeiboError(Exception):
    """A refusal: the platform's code, an own text where needed, fields to add (OAuth: error_description)."""

    def __init__(self, code: int, text: str = "", **fields: Any) -> None:
        super().__init__(f"{code} {text}")
        self.code, self.text, self.fields = code, text or TEXTS.get(code, "error"), fields


def http_status(code: int, own: dict[str, int]) -> int:
    """403 for rights and rate limits, 503 for system errors, else 400; `own` (switch http_status) wins."""
    if str(code) in own:
        return int(own[str(code)])
    if code in (10014, 10022, 10023, 10024):
        return 403
    return 503 if code in (10001, 10002, 10003) else 400
