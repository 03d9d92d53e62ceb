"""Articles and shorthands for the specifications of the gate."""

from datetime import date

from bot.domain.article import Article, Kind
from bot.proofing import Pair, check

TODAY = date(2026, 3, 2)


def article(**fields):
    """A notice that passes the gate without any finding; `fields` change it."""
    sound = {
        "external_id": "HD-1",
        "kind": Kind.NOTICE,
        "title": "关于举办政务公开业务培训班的通知",
        "summary": "组织业务人员参加集中培训，讲解政务公开最新要求。",
        "unit": "河东区教育和体育局",
        "document_number": "临东政办字〔2017〕41号",
        "source_url": "http://www.hedong.gov.cn/info/9000/2017001.htm",
        "formed_on": date(2017, 6, 12),
        "published_on": date(2017, 6, 13),
    }
    return Article(**(sound | fields))


def findings(pair=None, today=TODAY, **fields):
    """What the gate finds in such an article."""
    return check(article(**fields), pair=pair or Pair(), today=today)


def rules(**kwargs):
    """The ids of the rules that found something, in order."""
    return [finding.rule for finding in findings(**kwargs)]
