"""What people post of a release, as far as its tile in the calendar shows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from bot.models import ManualTask, Release
from bot.services import byhand
from bot.services.byhand import Stage


def kinds(releases: Iterable[Release]) -> Iterator[tuple[int, int, str]]:
    """Release, document and its kind; asks only where there are tasks, which the releases bring along."""
    there = [release.pk for release in releases if release.manual_tasks.all()]
    if there:
        rows = ManualTask.objects.filter(release__in=there).order_by("account_id", "lane", "position")
        yield from rows.values_list("release_id", "edition__document_id", "edition__document__kind")


def words(release: Release) -> Mapping[int, str]:
    """By account, how far people are."""
    groups: dict[int, list[ManualTask]] = {}
    for task in release.manual_tasks.all():
        groups.setdefault(task.account_id, []).append(task)
    return {account: _words(tasks) for account, tasks in sorted(groups.items())}


def _words(tasks: list[ManualTask]) -> str:
    return _WORDS[byhand.stage(tasks)]


_WORDS = {
    Stage.WAITS: "手工发布，还没有登记", Stage.DONE: "已手工发布", Stage.PARTLY_DOWN: "手工发布，部分已撤下",
    Stage.DOWN: "手工发布，已撤下", Stage.DROPPED: "不再手工发布",
}  # fmt: skip
