/* Error over layers, a line a choice, and the same numbers as a heat table: both show the metric that is chosen. */
(() => {
  "use strict";
  const { app } = globalThis;
  const { h, num } = app;
  const { record, lines } = app.data;

  /** Families of choices in colours of Okabe and Ito's palette; within one, dashes and marks tell them apart. */
  const FAMILIES = [
    { of: /^shipped/, colour: () => app.colour("--ink"), width: 3.5 },
    { of: /^expert-weights/, colour: () => "#d55e00" },
    { of: /^expert-acts/, colour: () => "#e69f00" },
    { of: /^dense/, colour: () => "#cc79a7" },
    { of: /^kv/, colour: () => "#0072b2" },
    { of: /^indexer/, colour: () => "#56b4e9" },
    { of: /^router/, colour: () => "#8b6d4b" },
    { of: /^/, colour: () => "#009e73" },
  ];
  const DASHES = [[], [7, 4], [2, 3]];
  const MARKS = ["circle", "rect", "triangle"];

  const seen = new Map();
  app.looks = new Map(
    record.choices.map((c) => {
      const family = FAMILIES.find((f) => f.of.test(c.id));
      const nth = seen.get(family) ?? 0;
      seen.set(family, nth + 1);
      return [
        c.id,
        {
          colour: family.colour(),
          width: family.width ?? 2,
          dash: DASHES[nth % DASHES.length],
          mark: MARKS[nth % MARKS.length],
        },
      ];
    }),
  );

  /** `share`: 0 to 1; other metrics are relative errors on a log scale. `good`: a larger number is better. */
  app.metrics = [
    { key: "streams", name: "Streams", axis: "relative L2 of the four streams", of: (l) => l.streams.rel_l2 },
    {
      key: "worst",
      name: "Worst token",
      axis: "relative L2 of the worst token's streams",
      of: (l) => l.streams.worst_token.rel_l2,
    },
    {
      key: "collapsed",
      name: "Collapsed",
      axis: "relative L2 of the collapsed vectors",
      of: (l) => l.collapsed.rel_l2,
    },
    {
      key: "router",
      name: "Other experts",
      axis: "tokens with another set of experts",
      share: true,
      of: (l) => l.router_flips,
    },
    {
      key: "topk",
      name: "Top-k kept",
      axis: "choices of the indexer in common",
      share: true,
      good: true,
      of: (l) => l.topk_overlap,
    },
  ];

  app.show = (metric, x) =>
    x === null ? "–" : metric.share ? `${Math.round(100 * x)} %` : app.sig(Number(x.toPrecision(3)));

  const valuesOf = (metric, c) => c.layers.map((l) => num(metric.of(l)));
  const drawable = (x) => x !== null && Number.isFinite(x) && x > 0;
  const extent = (all) => {
    const some = all.filter(drawable);
    const [low, high] = some.reduce(([a, b], x) => [Math.min(a, x), Math.max(b, x)], [1, 1e-12]);
    return { low: 10 ** Math.floor(Math.log10(low)), high: 10 ** Math.ceil(Math.log10(high)) };
  };

  const axisOf = (metric, all) => {
    if (metric.share) return { min: 0, max: 1, ticks: { callback: (v) => `${Math.round(100 * v)} %` } };
    const { low, high } = extent(all);
    return {
      type: "logarithmic",
      min: low,
      max: Math.max(high, 2),
      ticks: { callback: (v) => (Math.abs(Math.log10(v) % 1) < 1e-9 ? Number(v).toExponential(0) : null) },
    };
  };

  const faded = (colour) => `color-mix(in srgb, ${colour} 14%, transparent)`;

  /** The chart of one metric, and the list of its lines beside it: pointing at a name leaves its line alone. */
  app.layerLines = (metric) => {
    const series = record.choices.map((c) => ({ c, values: valuesOf(metric, c), look: app.looks.get(c.id) }));
    const y = axisOf(
      metric,
      series.flatMap((s) => s.values),
    );
    let drawn = null;
    const light = (id) => {
      drawn?.data.datasets.forEach((d) => {
        const colour = id === null || d.id === id ? d.colour : faded(d.colour);
        Object.assign(d, { borderColor: colour, backgroundColor: colour, order: d.id === id ? -1 : 0 });
      });
      drawn?.update("none");
    };
    const hide = (id, button) => {
      const at = drawn?.data.datasets.findIndex((d) => d.id === id) ?? -1;
      if (at < 0) return;
      drawn.setDatasetVisibility(at, !drawn.isDatasetVisible(at));
      button.classList.toggle("off", !drawn.isDatasetVisible(at));
      drawn.update("none");
    };
    const chart = app.chart(
      "layers",
      `${metric.axis} over layers`,
      {
        type: "line",
        data: {
          labels: record.layers.map((_, i) => i),
          datasets: series.map(({ c, values, look }) => ({
            id: c.id,
            label: c.title,
            colour: look.colour,
            raw: values,
            data: values.map((x) => (metric.share ? x : drawable(x) ? x : null)),
            borderColor: look.colour,
            backgroundColor: look.colour,
            borderWidth: look.width,
            borderDash: look.dash,
            pointStyle: look.mark,
            pointRadius: values.map((_, i) => (i % 10 === 0 || i === values.length - 1 ? 3.5 : 0)),
            pointHoverRadius: 5,
            spanGaps: true,
            tension: 0,
          })),
        },
        options: {
          interaction: { mode: "nearest", axis: "xy", intersect: false },
          scales: {
            x: { title: { display: true, text: "layer" }, grid: { display: false } },
            y: { ...y, title: { display: true, text: metric.axis } },
          },
          plugins: {
            legend: { display: false },
            tooltip: {
              callbacks: {
                title: (items) => `layer ${items[0].label} (${record.layers[items[0].dataIndex]})`,
                label: (i) => ` ${i.dataset.label}: ${app.show(metric, i.dataset.raw[i.dataIndex])}`,
              },
            },
          },
        },
      },
      (made) => (drawn = made),
    );
    const ends = series
      .map((s) => ({ ...s, end: s.values.findLast((x) => x !== null) ?? null }))
      .sort((a, b) => (b.end ?? -1) - (a.end ?? -1));
    const names = ends.map(({ c, look, end }) => {
      const button = h(
        "button",
        {
          type: "button",
          className: "name",
          title: `rounds ${c.what}; click to hide`,
          onmouseenter: () => light(c.id),
          onmouseleave: () => light(null),
          onfocus: () => light(c.id),
          onblur: () => light(null),
          onclick: () => hide(c.id, button),
        },
        swatch(look),
        h("span", { className: "title" }, c.title),
        c.kind === "what-if" ? h("i", {}, "what if") : null,
        h("b", {}, app.show(metric, end)),
      );
      return button;
    });
    return h(
      "div",
      { className: "lines" },
      chart,
      h("div", { className: "names" }, h("h3", {}, "After the last layer"), names),
    );
  };

  /** A line and its mark, as the chart draws them. */
  function swatch(look) {
    const canvas = h("canvas", { width: 56, height: 24, className: "swatch" });
    const c = canvas.getContext("2d");
    c.scale(2, 2);
    c.strokeStyle = c.fillStyle = look.colour;
    c.lineWidth = look.width;
    c.setLineDash(look.dash);
    c.beginPath();
    c.moveTo(0, 6);
    c.lineTo(28, 6);
    c.stroke();
    c.setLineDash([]);
    c.beginPath();
    if (look.mark === "circle") c.arc(14, 6, 3.5, 0, 7);
    else if (look.mark === "rect") c.rect(11, 3, 6, 6);
    else {
      c.moveTo(14, 2);
      c.lineTo(18, 9.5);
      c.lineTo(10, 9.5);
    }
    c.fill();
    return canvas;
  }
  app.swatch = swatch;

  /** Ten steps of the ramp: log over the run's own range, or a share. Darker is worse. */
  app.heat = (metric) => {
    const rows = lines.map((l) => record.choices.find((c) => c.id === l.id));
    const { low, high } = extent(rows.flatMap((c) => valuesOf(metric, c)));
    const step = (x) => {
      if (metric.share) return Math.min(9, Math.floor(10 * (metric.good ? 1 - x : x)));
      if (!Number.isFinite(x)) return 9;
      return x <= low ? 0 : Math.min(9, Math.floor((10 * Math.log(x / low)) / Math.log(high / low)));
    };
    const cell = (c, i) => {
      const x = num(metric.of(c.layers[i]));
      if (x === null) return h("td");
      const text = `${c.title}, layer ${i} (${record.layers[i]}): ${app.show(metric, x)}`;
      return h(
        "td",
        {},
        h("span", {
          className: `cell b${step(x)}`,
          "aria-label": text,
          onmousemove: (e) => app.tip(text, e.clientX, e.clientY),
          onmouseleave: () => app.tip(null),
        }),
      );
    };
    const head = record.layers.map((_, i) => h("th", { scope: "col" }, i % 5 === 0 ? i : ""));
    const [from, to] = metric.share
      ? metric.good
        ? ["all kept", "none"]
        : ["none", "all"]
      : [low, high].map(app.sig);
    return h(
      "div",
      {},
      h(
        "div",
        { className: "scroll whole" },
        h(
          "table",
          { className: "strip heat" },
          h("thead", {}, h("tr", {}, h("th"), head)),
          h(
            "tbody",
            {},
            rows.map((c) =>
              h(
                "tr",
                {},
                h("th", { scope: "row", title: c.what }, c.title),
                c.layers.map((_, i) => cell(c, i)),
              ),
            ),
          ),
        ),
      ),
      h(
        "div",
        { className: "legend" },
        h(
          "span",
          {},
          from,
          h(
            "span",
            { className: "ramp" },
            Array.from({ length: 10 }, (_, i) => h("span", { className: `cell b${i}` })),
          ),
          to,
          metric.share ? "" : ", log scale",
        ),
      ),
    );
  };
})();
