"""What somebody typed about a release and was refused: it stands in its form again when the page comes back."""

from __future__ import annotations

from django.http import HttpRequest

from bot.models import Release

_KEY = "refused"
_FIELDS = ("date", "time", "reason")
_LONGEST = 240


def keep(request: HttpRequest, release: Release) -> None:
    """Until the release's page is next shown to this person; what stood in another form before is forgotten."""
    typed = {name: request.POST[name][:_LONGEST] for name in _FIELDS if request.POST.get(name)}
    if typed and request.resolver_match is not None:
        request.session[_KEY] = {"release": release.pk, "form": request.resolver_match.url_name, "typed": typed}


def take(request: HttpRequest, release: Release) -> dict[str, dict[str, str]]:
    """By the name of the form: what was typed, for this once."""
    kept = request.session.get(_KEY)
    if not kept or kept["release"] != release.pk:
        return {}
    del request.session[_KEY]
    return {kept["form"]: kept["typed"]}
