/* Charts: error growth over layers, ULP histograms, bars by op, and the (layer, token) map. */
(() => {
  "use strict";
  const { app, Chart } = globalThis;
  const { h, num } = app;

  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  Chart.defaults.animation = false;
  Chart.defaults.maintainAspectRatio = false;
  Chart.defaults.color = app.colour("--soft");
  Chart.defaults.borderColor = app.colour("--line");

  /** Blue, vermilion and green of Okabe and Ito's palette, with distinct marks: none relies on hue alone. */
  const SERIES = [
    { key: "isolated", label: "isolated (worst tensor of the layer)", colour: "#0072b2", mark: "circle" },
    {
      key: "accumulated",
      label: "accumulated (last tensor of the layer)",
      colour: "#d55e00",
      mark: "triangle",
    },
    {
      key: "price",
      label: "ideal against faithful (price of the formats)",
      colour: "#009e73",
      mark: "rect",
      dash: [5, 4],
    },
  ];

  /** A canvas in a box of fixed height; its chart is made once it is in the page, and handed to `made`. */
  const chart = (className, label, config, made) => {
    const canvas = h("canvas", { role: "img", "aria-label": label });
    const box = h("div", { className: `chart ${className}` }, canvas);
    requestAnimationFrame(() => {
      const drawn = new Chart(canvas, config);
      made?.(drawn);
    });
    return box;
  };
  app.chart = chart;

  /** Relative L2 over layers on a log axis: exact zeros stand on the floor, NaN and infinities at the ceiling. */
  app.growthChart = (openLayer) => {
    const g = app.data.growth;
    const all = SERIES.flatMap((s) => g[s.key].map(num)).filter(
      (x) => x !== null && Number.isFinite(x) && x > 0,
    );
    if (g.layers.length === 0) return h("p", { className: "note" }, "No tensor of a layer was compared.");
    // nothing below 1e-18 means anything for numbers of at most 53 bits
    const low = Math.max(1e-18, 10 ** (Math.floor(Math.log10(Math.min(...all, 1e-6))) - 1));
    const high = 10 ** Math.ceil(Math.log10(Math.max(...all, 1e-5)) + 0.01);
    const at = (x) => (x === null ? null : !Number.isFinite(x) ? high : x <= low ? low : x);
    const used = SERIES.filter((s) => g[s.key].some((x) => x !== null));
    return chart("", "Relative L2 error over layers", {
      type: "line",
      data: {
        labels: g.layers,
        datasets: used.map((s) => {
          const raw = g[s.key].map(num);
          return {
            label: s.label,
            raw,
            key: s.key,
            data: raw.map(at),
            borderColor: s.colour,
            backgroundColor: s.colour,
            borderDash: s.dash ?? [],
            borderWidth: 2,
            pointStyle: raw.map((x) => (x !== null && !Number.isFinite(x) ? "crossRot" : s.mark)),
            pointRadius: raw.map((x) =>
              x !== null && !Number.isFinite(x) ? 7 : g.layers.length > 30 ? 2.5 : 4,
            ),
            pointHoverRadius: 6,
            spanGaps: true,
          };
        }),
      },
      options: {
        interaction: { mode: "index", intersect: false },
        onClick: (_, items) => items.length > 0 && openLayer(g.layers[items[0].index]),
        scales: {
          x: { title: { display: true, text: "layer" }, grid: { display: false } },
          y: {
            type: "logarithmic",
            min: low,
            max: high,
            title: { display: true, text: "relative L2" },
            ticks: {
              callback: (v) =>
                v === low ? "0" : Math.abs(Math.log10(v) % 1) < 1e-9 ? Number(v).toExponential(0) : null,
            },
          },
        },
        plugins: {
          legend: { position: "bottom", labels: { usePointStyle: true, boxHeight: 7 } },
          tooltip: {
            callbacks: {
              title: (items) => `layer ${items[0].label}`,
              label: (item) => ` ${item.dataset.key}: ${app.sig(item.dataset.raw[item.dataIndex])}`,
            },
          },
        },
      },
    });
  };

  /** `histogram[i]` counts distances in (2^(i-2), 2^(i-1)]. */
  const bin = (i) => (i < 3 ? String(i) : `${2 ** (i - 2) + 1}–${2 ** (i - 1)}`);

  app.histogram = (counts) =>
    chart("short", "Histogram of ULP distances", {
      type: "bar",
      data: {
        labels: counts.map((_, i) => bin(i)),
        datasets: [
          {
            data: counts,
            backgroundColor: "#0072b2",
            minBarLength: 0,
            categoryPercentage: 0.9,
            barPercentage: 1,
          },
        ],
      },
      options: {
        scales: {
          x: { title: { display: true, text: "ULP distance" }, grid: { display: false } },
          y: {
            type: "logarithmic",
            min: 0.5,
            ticks: { callback: (v) => (Math.abs(Math.log10(v) % 1) < 1e-9 ? app.sig(v) : null) },
          },
        },
        plugins: {
          legend: { display: false },
          tooltip: { callbacks: { label: (i) => ` ${i.raw} elements` } },
        },
      },
    });

  /** Ops downwards, values stacked from the left; `tip(row, dataset)` and `after(row)` are the lines of a tooltip. */
  app.stackedBars = ({ label, axis, rows, datasets, max, tip, after }) => {
    const box = chart("", label, {
      type: "bar",
      data: {
        labels: rows.map((r) => r.op),
        datasets: datasets.map((d) => ({
          label: d.label,
          data: rows.map(d.value),
          backgroundColor: d.colour,
          categoryPercentage: 0.82,
          barPercentage: 0.92,
        })),
      },
      options: {
        indexAxis: "y",
        interaction: { mode: "index", axis: "y", intersect: false },
        scales: {
          x: { stacked: true, max, title: { display: true, text: axis } },
          y: { stacked: true, grid: { display: false }, ticks: { autoSkip: false } },
        },
        plugins: {
          legend: { position: "bottom", labels: { boxWidth: 12, boxHeight: 12 } },
          tooltip: {
            filter: (i) => i.raw > 0,
            callbacks: {
              label: (i) => tip(rows[i.dataIndex], i.dataset.label),
              afterBody: (items) => (items.length > 0 ? after(rows[items[0].dataIndex]) : []),
            },
          },
        },
      },
    });
    box.style.height = `${90 + 24 * rows.length}px`;
    return box;
  };

  /** Native time of the slowest ops; where nothing native was timed, the faithful oracle's. */
  app.timeChart = (rows) => {
    const party = rows.some((r) => r.native !== null) ? "native" : "faithful";
    const top = rows.filter((r) => r[party] !== null).slice(0, 16);
    if (top.length === 0) return h("p", { className: "note" }, "Nothing was timed.");
    const box = chart("", `Milliseconds of each op (${party})`, {
      type: "bar",
      data: {
        labels: top.map((r) => r.op),
        datasets: [{ data: top.map((r) => num(r[party])), backgroundColor: "#0072b2", borderRadius: 3 }],
      },
      options: {
        indexAxis: "y",
        scales: {
          x: { title: { display: true, text: `${party}, ms over all calls` } },
          y: { grid: { display: false }, ticks: { autoSkip: false } },
        },
        plugins: {
          legend: { display: false },
          tooltip: { callbacks: { label: (i) => ` ${app.time(i.raw)} in ${top[i.dataIndex].calls} calls` } },
        },
      },
    });
    box.style.height = `${Math.max(120, 60 + 22 * top.length)}px`;
    return box;
  };

  /** Ten steps of the strip's ramp over a log range. */
  const step = (x, low, high) =>
    x <= low ? 0 : Math.min(9, Math.floor((10 * Math.log(x / low)) / Math.log(high / low)));

  /** Layers downwards, tokens across; a pixel block a pair. Orange where the error is not a number. */
  app.tokenMap = () => {
    const { layers, values } = app.data.tokens_map;
    if (layers.length === 0) return null;
    const grid = values.map((line) => line.map(num));
    const width = Math.max(...grid.map((line) => line.length));
    const positive = grid.flat().filter((x) => Number.isFinite(x) && x > 0);
    const low = positive.length === 0 ? 1e-8 : positive.reduce((a, b) => Math.min(a, b));
    const high = Math.max(low * 10, positive.length === 0 ? 1e-7 : positive.reduce((a, b) => Math.max(a, b)));
    const canvas = h("canvas", {
      className: "map",
      role: "img",
      "aria-label": "Relative L2 of every token after every layer",
      width: Math.max(1, width),
      height: layers.length,
    });
    const ramp = Array.from({ length: 10 }, (_, i) => app.colour(`--s${i}`));
    const paint = canvas.getContext("2d");
    grid.forEach((line, y) =>
      line.forEach((x, t) => {
        paint.fillStyle = x === null || !Number.isFinite(x) ? app.colour("--fail") : ramp[step(x, low, high)];
        paint.fillRect(t, y, 1, 1);
      }),
    );
    const at = (e) => {
      const box = canvas.getBoundingClientRect();
      return [
        Math.min(layers.length - 1, Math.floor(((e.clientY - box.top) / box.height) * layers.length)),
        Math.min(width - 1, Math.floor(((e.clientX - box.left) / box.width) * width)),
      ];
    };
    canvas.addEventListener("mousemove", (e) => {
      const [y, t] = at(e);
      app.tip(`layer ${layers[y]}, token ${t}: relative L2 ${app.sig(grid[y]?.[t])}`, e.clientX, e.clientY);
    });
    canvas.addEventListener("mouseleave", () => app.tip(null));
    return app.card(
      "Error of every token after every layer",
      `Accumulated run, relative L2 from ${app.sig(low)} (light) to ${app.sig(high)} (dark), log scale; layers ${layers[0]} to ${layers.at(-1)} downwards, tokens 0 to ${width - 1} across.`,
      app.copyButton("Copy JSON", () => app.data.tokens_map),
      canvas,
    );
  };
})();
