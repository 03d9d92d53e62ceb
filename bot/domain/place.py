"""Where an authority is: city and district before its name, none of them twice, and never before another place's (decision 36)."""

from __future__ import annotations

import re
from dataclasses import dataclass

DEFAULT_PLACE = "临沂市河东区"
#: There is a 河东区 in Tianjin too, so the city is named unless a text already does.
_PLACE = re.compile(r"(?P<city>.{2,}?市)(?P<district>.{1,8}?[区县市])")
_OF_THE_CITY = re.compile(r"市(?![场政容民区郊])")  # 市委, 市生态环境局, not 市场监督管理局
#: Other authorities' names say where they are: the state's, another province's, city's or county's.
_ELSEWHERE = re.compile(
    r"国务院|国家|全国|中共|中央|最高人民|中华|[\u3400-\u9fff]{2,7}?(?:省(?=人民|政府|委|[\u3400-\u9fff]{2,}[厅局])|自治区|自治州|自治县|特别行政区)"
    r"|(?!开发区|社区|园区|城区|街区|辖区|景区|新区|库区|灌区|林区|矿区|片区|小区)[\u3400-\u9fff]{2,3}?[市区县旗盟](?=人民|政府|委|党|监察|法院|检察)"
)


@dataclass(frozen=True, slots=True)
class Place:
    """The district's full name (`临沂市河东区`) and its parts."""

    name: str
    city: str
    district: str

    @classmethod
    def parse(cls, name: str) -> Place:
        """Split a full name; one that does not split is its own district."""
        match = _PLACE.fullmatch(name)
        return cls(name, match["city"], match["district"]) if match else cls(name, "", name)

    def named_in(self, text: str) -> bool:
        """Whether a reader of `text` knows where this is."""
        return self.district in text or (bool(self.city) and self.city in text)

    def full_unit(self, unit: str) -> str:
        """The unit's name with city and district before it, none of them twice, and never before another place's authority."""
        if not unit:
            return self.name
        if self.city and unit.startswith(self.city.removesuffix("市")):
            return unit
        if unit.startswith(self.district):
            return self.city + unit
        if self.city and _OF_THE_CITY.match(unit):
            return self.city + unit.removeprefix("市")
        if _ELSEWHERE.match(unit):
            return unit
        # units call their own district just 区: 区政务服务中心 is 临沂市河东区政务服务中心
        return self.name + (unit.removeprefix(self.district[-1]) if self.district else unit)
