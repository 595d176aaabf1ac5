/* The shipped formats: each layer alone beside the chain, each op alone beside what has accumulated, and a table of all choices. */
(() => {
  "use strict";
  const { app } = globalThis;
  const { h, num, data } = app;
  const { record } = data;

  const cosine = (x) => (x === null ? "–" : x.toFixed(5));

  const curve = (label, values, colour, mark, dash) => ({
    label,
    data: values.map(num),
    borderColor: colour,
    backgroundColor: colour,
    borderDash: dash ?? [],
    borderWidth: 2.5,
    pointStyle: mark,
    pointRadius: values.map((_, i) => (i % 5 === 0 || i === values.length - 1 ? 3.5 : 0)),
  });

  /** What layers make by themselves, what that would add up to, and what it is. */
  app.compounding = () => {
    const c = data.compounding;
    if (c === null) return null;
    return app.card(
      "How the error compounds, as shipped",
      data.compounding_sentence,
      app.copyButton("Copy JSON", () => c),
      app.chart("", "Error of each layer alone, added up, and accumulated", {
        type: "line",
        data: {
          labels: c.layers,
          datasets: [
            curve("accumulated: shipped chain against ideal chain", c.accumulated, "#d55e00", "triangle"),
            curve("layers' own errors added up, unamplified", c.added, "#009e73", "rect", [6, 4]),
            curve("a layer alone, on the chain's own input", c.own, "#0072b2", "circle"),
          ],
        },
        options: {
          interaction: { mode: "index", intersect: false },
          scales: {
            x: { title: { display: true, text: "layer" }, grid: { display: false } },
            y: { min: 0, title: { display: true, text: "relative L2 of the streams" } },
          },
          plugins: {
            legend: { position: "bottom", labels: { usePointStyle: true, boxHeight: 7 } },
            tooltip: {
              callbacks: {
                title: (items) => `layer ${items[0].label} (${record.layers[items[0].dataIndex]})`,
                label: (i) => ` ${i.dataset.label}: ${app.sig(Number(i.raw.toPrecision(3)))}`,
              },
            },
          },
        },
      }),
    );
  };

  /** Below this a distance from 1 is rounding of the cosine itself. */
  const FLOOR = 1e-12;
  const away = (x) => Math.max(FLOOR, 1 - x);

  /** 1 - cosine of every op: alone and at the end, a line between the two. */
  const spans = (rows) => {
    const at = (of, i) => ({ x: of, y: i });
    const both = rows.map((r, i) => ({
      alone: at(away(num(r.isolated)), i),
      end: r.accumulated ? at(away(num(r.accumulated.cosine)), i) : null,
    }));
    const points = (label, list, colour, mark) => ({
      type: "scatter",
      label,
      data: list.filter((p) => p !== null),
      backgroundColor: colour,
      borderColor: colour,
      pointStyle: mark,
      pointRadius: 6,
      pointHoverRadius: 8,
    });
    const box = app.chart("", "Distance of each op's cosine from 1, alone and accumulated", {
      type: "scatter",
      data: {
        datasets: [
          points(
            "alone, on the same input",
            both.map((b) => b.alone),
            "#0072b2",
            "circle",
          ),
          points(
            "accumulated, last layer",
            both.map((b) => b.end),
            "#d55e00",
            "triangle",
          ),
          {
            type: "line",
            label: "",
            data: both.flatMap((b) => (b.end ? [b.alone, b.end, { x: NaN, y: NaN }] : [])),
            borderColor: app.colour("--soft"),
            borderWidth: 1.5,
            pointRadius: 0,
            pointHitRadius: 0,
          },
        ],
      },
      options: {
        scales: {
          x: {
            type: "logarithmic",
            title: { display: true, text: "1 − cosine (left is better)" },
            ticks: {
              callback: (v) => (Math.abs(Math.log10(v) % 1) < 1e-9 ? Number(v).toExponential(0) : null),
            },
          },
          y: {
            reverse: true,
            min: -0.6,
            max: rows.length - 0.4,
            afterBuildTicks: (axis) => (axis.ticks = rows.map((_, value) => ({ value }))),
            ticks: { autoSkip: false, callback: (v) => rows[v]?.op ?? "" },
          },
        },
        plugins: {
          legend: {
            position: "bottom",
            labels: { usePointStyle: true, filter: (item) => item.text !== "" },
          },
          tooltip: {
            filter: (i) => i.dataset.label !== "",
            callbacks: {
              label: (i) => ` ${rows[i.raw.y].op}, ${i.dataset.label}: cosine ${cosine(1 - i.raw.x)}`,
            },
          },
        },
      },
    });
    box.style.height = `${90 + 24 * rows.length}px`;
    return box;
  };

  app.opTable = () => {
    if (data.ops.length === 0) return null;
    const worst = (w) => `${cosine(num(w.cosine))} at ${w.place}, layer ${w.layer}`;
    const columns = [
      { name: "Op", value: (r) => r.op, cell: (r) => h("code", { className: "nowrap" }, r.op) },
      {
        name: "Cosine alone",
        about: "Mean over places and layers, on the same inputs",
        num: true,
        value: (r) => num(r.isolated),
        cell: (r) => cosine(num(r.isolated)),
      },
      {
        name: "Worst alone",
        value: (r) => num(r.isolated_worst.cosine),
        cell: (r) => worst(r.isolated_worst),
      },
      {
        name: "Accumulated",
        about: "Lowest over the op's places in the last layer that has them",
        value: (r) => (r.accumulated ? num(r.accumulated.cosine) : null),
        cell: (r) => (r.accumulated ? h("b", {}, worst(r.accumulated)) : "–"),
      },
    ];
    const places = [
      { name: "Place", value: (p) => p.name, cell: (p) => h("code", { className: "nowrap" }, p.name) },
      { name: "Op", value: (p) => p.op },
      { name: "Layers", num: true, value: (p) => p.layers },
      {
        name: "Cosine alone",
        num: true,
        value: (p) => num(p.isolated.cosine),
        cell: (p) => cosine(num(p.isolated.cosine)),
      },
      {
        name: "rel L2 alone",
        num: true,
        value: (p) => num(p.isolated.rel_l2),
        cell: (p) => app.sig(Number(num(p.isolated.rel_l2).toPrecision(3))),
      },
      {
        name: "Accumulated",
        num: true,
        value: (p) => (p.accumulated ? num(p.accumulated.cosine) : null),
        cell: (p) => (p.accumulated ? cosine(num(p.accumulated.cosine)) : "–"),
      },
      {
        name: "rel L2",
        num: true,
        value: (p) => (p.accumulated ? num(p.accumulated.rel_l2) : null),
        cell: (p) => (p.accumulated ? app.sig(Number(num(p.accumulated.rel_l2).toPrecision(3))) : "–"),
      },
    ];
    return app.card(
      "Each op alone, and what has accumulated",
      "As shipped. Alone: the op against its ideal with master weights, on the same inputs. Accumulated: the same place of the shipped chain against the ideal chain in the last layer that has it.",
      app.copyButton("Copy JSON", () => record.shipped.places),
      spans(data.ops),
      h("h3", {}, "By op"),
      h("div", { className: "dense" }, app.table({ columns, rows: data.ops })),
      h("h3", {}, "By place"),
      h(
        "div",
        { className: "dense" },
        app.table({ columns: places, rows: record.shipped.places, limit: 60 }),
      ),
    );
  };

  const error = (x) => (x === null ? "–" : app.sig(Number(x.toPrecision(3))));
  const percent = (x) => (x === null ? "–" : `${Math.round(100 * x)} %`);

  app.choiceTable = () => {
    const number = (name, about, value, cell) => ({
      name,
      about,
      num: true,
      value,
      cell: (l) => cell(value(l)),
    });
    const columns = [
      {
        name: "Choice",
        value: (l) => l.title,
        cell: (l) => [
          h("span", { className: "nowrap choice" }, app.swatch(app.looks.get(l.id)), l.title),
          h("div", { className: "what" }, (l.kind === "what-if" ? "What if: rounds " : "Rounds ") + l.what),
        ],
      },
      number("rel L2", "Streams after the last layer", (l) => num(l.rel_l2), error),
      number("Cosine", "Streams after the last layer", (l) => num(l.cosine), cosine),
      {
        name: "Each stream",
        about: "Relative L2 of the mHC streams one by one",
        num: true,
        value: (l) => Math.max(...l.by_stream.map(num)),
        cell: (l) => l.by_stream.map((x) => num(x).toPrecision(2)).join(" · "),
      },
      {
        name: "Worst token",
        about: "Its relative L2",
        num: true,
        value: (l) => num(l.worst_token.rel_l2),
        cell: (l) => `${error(num(l.worst_token.rel_l2))} (${l.worst_token.token})`,
      },
      number("Other experts", "Tokens with another set, last layer", (l) => num(l.router_flips), percent),
      number("Top-k kept", "Indexer's choices in common, last layer", (l) => num(l.topk_overlap), percent),
      number("KL", "Nats of the next token, mean over tokens", (l) => num(l.kl_mean), error),
      number(
        "Top-1 kept",
        "Tokens with the same most likely next token",
        (l) => num(l.top1_agreement),
        percent,
      ),
      {
        name: "Growth",
        about: "Factor a layer while the error is small",
        num: true,
        value: (l) => (l.growth ? num(l.growth.factor) : null),
        cell: (l) =>
          l.growth
            ? h(
                "span",
                { title: `layers ${l.growth.first} to ${l.growth.last}, r² ${num(l.growth.r2).toFixed(2)}` },
                `× ${num(l.growth.factor).toFixed(3)}`,
              )
            : "–",
      },
    ];
    return app.card(
      "Every choice",
      "One format at a time, everything else exact; what a release ships comes first, then what costs most.",
      app.copyButton("Copy JSON", () => app.plain(columns, data.lines)),
      h("div", { className: "dense" }, app.table({ columns, rows: data.lines })),
    );
  };
})();
