"""What lies beside the items: files and a cover of one's own, who reads the trail, systems that call, a look at the portal."""

from __future__ import annotations

import io
from datetime import timedelta

from PIL import Image, ImageDraw

from bot.models import ApiToken, Document, Preflight, PreflightCheck, Release
from bot.services import apitokens, attachments, covers, drafting, people
from tests.console.world import District, now
from tests.intake import papers
from tests.intake.files import picture

READERS = (("auditor", "郑审", "auditor"), ("auditadmin", "冯稽", "auditadmin"))
CLAY, SKY, WATER, BANK, SUN = "#d9cbb0", "#8fb8d3", "#4d86a6", "#4f7a55", "#f2c14e"
PAGES = papers.pdf("Price list, 2017-09", "x" * 214_000)
FORM = papers.word(
    "<w:p><w:r><w:t>企业承诺书（样式）</w:t></w:r></w:p>",
    comments="<w:comment><w:p><w:r><w:t>落款再核一下</w:t></w:r></w:p></w:comment>",
)


def readers(district: District) -> None:
    """Who may read the trail."""
    for key, name, role in READERS:
        district.people[key] = people.add_person(
            key, name=name, unit=district.unit, roles=[role], password=None, actor="test", now=now()
        )


def attach(district: District, document: Document, *names: str) -> None:
    """A PDF, a document of Word and a picture of these names, in the editor's working copy."""
    editor = district.people["editor"]
    drafting.open_for(document, person=editor, now=now())
    files = zip(names, (PAGES, FORM, picture("JPEG", (1200, 800), colour=CLAY)), strict=True)
    attachments.add(document, list(files), person=editor, now=now())


def illustrate(district: District, document: Document) -> None:
    """A picture of the river as its cover."""
    drafting.open_for(document, person=district.people["editor"], now=now())
    covers.choose(document, river(), person=district.people["editor"], now=now())


def river() -> bytes:
    """A river between its banks, in which a frame can be seen to move."""
    image = Image.new("RGB", (1600, 900), SKY)
    draw = ImageDraw.Draw(image)
    draw.ellipse((1120, 120, 1300, 300), fill=SUN)
    draw.polygon([(0, 520), (420, 360), (900, 500), (1300, 380), (1600, 470), (1600, 900), (0, 900)], fill=BANK)
    draw.polygon([(560, 520), (760, 520), (1250, 900), (250, 900)], fill=WATER)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=88)
    return out.getvalue()


def tokens(district: District) -> None:
    """One in use, one that ends soon, one that is revoked."""
    admin, editor = district.people["admin"], "editor"
    made = {}
    for name, rights, days in (
        ("门户网站", ["documents:read", "documents:write"], 365),
        ("指标大屏", ["metrics:read"], 12),
        ("旧门户（已停用）", ["documents:read"], 90),
    ):
        made[name], _ = apitokens.issue(
            name, holder=editor, rights=rights, life=timedelta(days=days), person=admin, now=now()
        )
    apitokens.take_back(made["旧门户（已停用）"].pk, person=admin, now=now())
    ApiToken.objects.filter(pk=made["门户网站"].pk).update(last_used_at=now() + timedelta(days=7, hours=22, minutes=20))


def look_ahead(release: Release) -> None:
    """The pre-flight an hour before, with nothing wrong: it also looked at the portal."""
    for row in Preflight.objects.filter(release=release, next_at__isnull=False).order_by("due_at")[:1]:
        Preflight.objects.filter(pk=row.pk).update(state="done", next_at=None, done_at=now(), ok=True)
        for place, (code, name, words) in enumerate(
            (
                ("token", "令牌", "令牌有效，还可用 100 分钟。"),
                ("portal", "门户", "门户网站连得上。"),
                ("clock", "时钟", "本机时钟与平台相差 0.1 秒，正常。"),
            ),
            start=1,
        ):
            PreflightCheck.objects.create(preflight=row, position=place, code=code, name=name, ok=True, message=words)
