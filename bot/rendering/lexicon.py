"""Words that a district's documents are made of: neither a cut nor a line end should fall inside one.

Advice for the eye only: a word that is missing here costs a little grace, never a rule.
"""

from __future__ import annotations

import re

_LINES = """
人民政府 办公室 街道办事处 办事处 管理局 委员会 开发区 信息公开 政务公开 政府信息 政策解读 工作要点 工作计划 工作方案 实施方案 实施意见
实施情况 年度报告 规范性文件 行政权力 权力清单 责任清单 收费清单 事项清单 服务指南 办事指南 就医流程 财政预算 财政决算 预算草案 预算执行
部门预算 部门采购 专项资金 专项行动 专项督查 专项调查 建设项目 重点项目 项目名单 公共资源 资源交易 招标公告 中标结果 结果公告 结果公示
情况公示 推进情况 进展情况 完成情况 发放情况 检查情况 检查结果 抽查结果 抽查工作 办理结果 清理结果 分配结果 分配情况 新旧动能转换 动能转换
过剩产能 化解 强农惠农 农产品 价格信息 创业扶持 就业援助 招聘会 启动仪式 城乡低保 医疗救助 医疗服务 医疗机构 医疗保险 居民 基本 参保缴费
精准扶贫 扶贫 贫困退出 安全生产 保障性 安居工程 危房改造 老旧小区 改造计划 建筑市场 监督检查 商品房 销售行为 非法集资 风险提示 虚假宣传
违法广告 假冒伪劣 商品 国有企业 人事任命 人大代表 政协提案 建议 提案 运营分析 分析报告 信用信息 政策汇编 热点问题 生育登记 登记服务 培训班
查阅点 设置情况 动态调整 目录 通知 公告 通报 公示 公布 印发 关于 进一步 规范 开展 举办 加快 推进 做好 打击 防范 整治 解读 问答 一图读懂
情况 工作 活动 政策 相关 经营 服务性 收费 定价 指导价 政府 继续 有效 修改 废止 全区 全面 说明 简报 企业 道路 维修工程 城区 公立 药品 医用耗材
用工 大型 春季 秋季 春风行动 价格 减灾救灾 资金 物资 支持 促进 发展 意见 办法 规定 细则 决定 方案 规划 计划 报告
"""

#: A word, the longest that stands at a place.
WORD = re.compile("|".join(sorted(map(re.escape, _LINES.split()), key=len, reverse=True)))
#: A place of two characters with its rank: 河东区.
PLACE = re.compile(r"[\u4e00-\u9fff]{2}(?:区|县|市|镇|乡)(?![\u4e00-\u9fff]?[域内])")


def inside_words(text: str) -> set[int]:
    """Offsets that lie inside a known word or place."""
    return {
        at
        for pattern in (WORD, PLACE)
        for match in pattern.finditer(text)
        for at in range(match.start() + 1, match.end())
    }
