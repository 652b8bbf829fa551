"""Everyday questions and sentences whose mean vector is what all texts of their kind share.

The vectors of a small encoder lie in a narrow cone: most of a cosine says only "this is a
Chinese sentence". Taking the common mean off before vectors are made unit length leaves what
tells texts apart (Mu and Viswanath, "All-but-the-Top", ICLR 2018). The texts are written for
this purpose and speak of many things, so that the mean belongs to no library.
"""

from __future__ import annotations

import hashlib

QUESTIONS = {
    "zh": (
        "去年一共修了多少公里的路?",
        "谁负责管理这座图书馆",
        "孩子上学要准备哪些材料",
        "为什么今年的粮食产量下降了?",
        "公司什么时候搬到新地址的",
        "这个项目花了多少钱",
        "老年人看病怎么报销",
        "哪几个城市参加了比赛?",
        "他在大学里学的是什么专业",
        "水质检测多久做一次",
        "租房合同到期了怎么办",
        "博物馆的门票价格",
        "参加培训的一共有几个人?",
        "下一步准备怎样发展旅游业",
        "地震以后居民住在哪里",
        "这本书的作者是哪国人?",
        "环境保护",
        "新办法从哪一天开始实行",
        "医院有没有夜间门诊",
        "交通事故的主要原因是什么",
    ),
    "en": (
        "How many kilometres of road were built last year?",
        "Who runs the library?",
        "What papers does a child need for school?",
        "Why did the harvest fall this year?",
        "When did the company move to its new address?",
        "How much did the project cost?",
        "How do old people get their medical bills paid back?",
        "Which cities took part in the competition?",
        "What did he study at university?",
        "How often is the water tested?",
        "ticket price of the museum",
        "plans for tourism in the next years",
        "Where did people live after the earthquake?",
        "Which country does the author come from?",
        "environmental protection",
        "What is the main cause of traffic accidents?",
    ),
}

SENTENCES = (
    "全市新建改建农村公路320公里,解决了12个村的出行问题。",
    "图书馆由区文化局管理,每周二至周日免费开放。",
    "家长应当在八月底前持户口簿到学校办理入学手续。",
    "受持续干旱影响,玉米产量比上年减少一成左右。",
    "公司于2015年迁入高新区,现有员工四百多人。",
    "该工程总投资2.6亿元,其中中央财政补助8000万元。",
    "住院费用先由个人垫付,出院后凭发票报销。",
    "来自上海、广州、成都等地的代表队进入了决赛。",
    "他早年学习化学,后来转向历史研究,著有多部作品。",
    "监测站每月取样一次,结果在网站上公布。",
    "承租人应当按照约定的期限支付租金。",
    "成人票每张四十元,学生凭证半价。",
    "加强基层队伍建设,提高服务群众的能力和水平。",
    "坚持以人民为中心,推动经济社会持续健康发展。",
    "要深入学习贯彻会议精神,切实把各项任务落到实处。",
    "灾后三个月内,受灾群众全部搬进了过渡安置房。",
    "这部小说描写了三代人的命运,曾获多个文学奖。",
    "河流上游建有两座水库,用于发电和灌溉。",
    "新规定自2022年1月1日起施行。",
    "门诊时间为上午八点至下午五点,急诊全天开放。",
    "调查显示,超速和疲劳驾驶是事故的主要原因。",
    "球队在最后十分钟连进两球,以三比二获胜。",
    "大力发展乡村旅游,培育一批特色民宿和农家乐。",
    "科研人员在实验中发现,温度对反应速度影响很大。",
    "完善社会保障制度,扩大养老保险覆盖面。",
    "城市地铁二号线全长28公里,设车站22座。",
    "当地气候温和,四季分明,年平均气温十五度。",
    "法院认为,双方签订的协议合法有效。",
    "举办各类培训班46期,培训学员3500人次。",
    "该物种分布于东南亚的热带雨林,数量稀少。",
)

PARAGRAPHS = tuple("".join(SENTENCES[i::6]) for i in range(6))


def digest() -> str:
    """Names the texts: vectors that other texts centred are not comparable."""
    return hashlib.sha256(repr((QUESTIONS, SENTENCES, PARAGRAPHS)).encode()).hexdigest()[:6]
