"""An item is found by the post that its address means, whenever it was published."""

from __future__ import annotations

from typing import Any
from urllib.parse import urldefrag

from django.db import migrations, models

from bot import channels
from bot.domain.postlink import which_post

AT_ONCE = 1000


def know_their_posts(apps: Any, editor: Any) -> None:
    """Of addresses of no known shape (a rehearsal's, a channel's that is not installed) the address itself."""
    items = apps.get_model("bot", "Item").objects.using(editor.connection.alias)
    links = {name: kind.spec.post_links for name, kind in channels.kinds().items()}
    portion: list[Any] = []
    rows = items.exclude(url="").order_by("pk").values_list("pk", "url", "account__channel")
    for pk, url, channel in rows.iterator(chunk_size=AT_ONCE):
        portion.append(
            items.model(pk=pk, post_key=(which_post(url, links.get(channel, ())) or urldefrag(url).url)[:300])
        )
        if len(portion) == AT_ONCE:
            items.bulk_update(portion, ["post_key"], batch_size=200)
            portion.clear()
    items.bulk_update(portion, ["post_key"], batch_size=200)


class Migration(migrations.Migration):
    dependencies = (("bot", "0032_surfaced"),)

    operations = (
        migrations.AddField(
            model_name="item",
            name="post_key",
            field=models.CharField(blank=True, db_default="", default="", max_length=300),
        ),
        migrations.AddIndex(model_name="item", index=models.Index(fields=["post_key"], name="item_by_post")),
        migrations.RunPython(know_their_posts, migrations.RunPython.noop),
    )
