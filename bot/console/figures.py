"""Numbers of posts, as staff read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bot.domain.channel import ChannelSpec
from bot.domain.sampling import metric_words
from bot.models import ManualPost
from bot.services import manualnumbers
from bot.services.accounts import spec_of
from bot.services.manualnumbers import Figures

Shown = Sequence[tuple[str, int | None]]


def shown(values: Mapping[str, int | None], spec: ChannelSpec) -> Shown:
    """Each metric of the vendor with its number, None where it was not reported; nothing at all where none was."""
    words = metric_words(spec)
    return [(words[name], values.get(name)) for name in spec.metrics if name in words] if values else ()


def by_hand(posts: Iterable[ManualPost]) -> dict[int, tuple[Figures, Shown]]:
    """The numbers of what people posted, by the number of the line; what is void has none."""
    standing = [post for post in posts if post.stands]
    found = manualnumbers.figures_of(standing)
    return {post.pk: (found[post.pk], shown(found[post.pk].values, spec_of(post.account))) for post in standing}
