"""What the pages say around the chapters' own text, in both languages."""

WORDS = {
    "en": {
        "language": "en", "name": "English", "code": "en",
        "title": "Large models, measured",
        "bar": "This page in Chinese",
        "binder": "Open in Binder", "kernel": "This part needs a running kernel. Below is a still copy.",
        "kernel_only": "This part needs a running kernel.",
        "solution": "Show the solution", "hide": "Hide the solution",
        "table": "Show as table", "series": "series",
        "scripts": "This part is drawn by a script, and scripts are switched off.",
        "and": ", ", "end": ".", "axes": " x: {x}; y: {y}.", "names": " Series: {names}.",
        "kinds": {"bar": "Bar chart", "box": "Box plot", "contour": "Contour map", "heatmap": "Heat map",
                  "histogram": "Histogram", "image": "Pictures", "scatter": "Chart", "scatter3d": "Points in space",
                  "surface": "Surface", "violin": "Violin plot"},
        "figure": "Figure",
    },
    "zh": {
        "language": "zh_CN", "name": "中文", "code": "zh-CN",
        "title": "大模型，量过再说",
        "bar": "本页的英文版",
        "binder": "在Binder中打开", "kernel": "这一部分要有运行中的内核才能动。下面是它的静态副本。",
        "kernel_only": "这一部分要有运行中的内核才能动。",
        "solution": "看参考答案", "hide": "收起参考答案",
        "table": "用表格显示", "series": "系列",
        "scripts": "这一部分由脚本绘制，而脚本已被关闭。",
        "and": "、", "end": "。", "axes": "横轴：{x}；纵轴：{y}。", "names": "系列：{names}。",
        "kinds": {"bar": "柱状图", "box": "箱线图", "contour": "等高线图", "heatmap": "热力图", "histogram": "直方图",
                  "image": "图片", "scatter": "图表", "scatter3d": "空间中的点", "surface": "曲面",
                  "violin": "小提琴图"},
        "figure": "图",
    },
}

# What Furo's pages lack for readers who listen, and what they say in English whatever their language is.
FURO = {
    "en": {
        '<aside class="sidebar-drawer">': '<aside class="sidebar-drawer" aria-label="Chapters">',
        '<div id="search-results">': '<h1>Search</h1><div id="search-results">',
    },
    "zh": {
        '<aside class="sidebar-drawer">': '<aside class="sidebar-drawer" aria-label="目录">',
        '<div id="search-results">': '<h1>搜索</h1><div id="search-results">',
        "Skip to content": "跳到正文", "Back to top": "回到顶部", "On this page": "本页内容",
        "Toggle Light / Dark / Auto color theme": "切换浅色、深色、自动配色",
        "Toggle site navigation sidebar": "打开或关闭目录", "Toggle table of contents sidebar": "打开或关闭本页目录",
        "<span>Next</span>": "<span>下一章</span>", "<span>Previous</span>": "<span>上一章</span>",
        '<div class="title">Home</div>': '<div class="title">首页</div>',
        "Made with ": "制作工具：", "Sphinx</a> and ": "Sphinx</a>和",
    },
}
