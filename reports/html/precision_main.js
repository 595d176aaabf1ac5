/* The page of a precision run: tiles, the metric that charts show, and the cards in the order in which they tell the story. */
(() => {
  "use strict";
  const { app } = globalThis;
  const { h, num, data } = app;
  const { record, lines } = data;
  const main = document.getElementById("main");
  main.replaceChildren();

  const percent = (x) => (x === null ? "–" : `${Math.round(100 * x)} %`);
  const shipped = lines.find((l) => l.id === record.shipped?.id);
  const tile = (value, label) => h("div", { className: "tile" }, h("b", {}, value), h("span", {}, label));
  const tiles = shipped
    ? [
        tile(num(data.ops[0].isolated).toFixed(4), "cosine of the worst kind of op alone"),
        tile(num(shipped.cosine).toFixed(4), `cosine of the streams, ${record.layers.length} layers later`),
        tile(percent(num(shipped.router_flips)), "tokens with other experts"),
        tile(percent(num(shipped.topk_overlap)), "indexer's choices kept"),
        tile(percent(num(shipped.top1_agreement)), "same next token"),
        tile(app.sig(Number(num(shipped.kl_mean).toPrecision(3))), "KL of the next token, nats"),
      ]
    : [];

  const { scaled, window, hca_ratio, index_topk } = record.context;
  const context = `window ${window}, ${hca_ratio === null ? "" : `HCA ratio ${hca_ratio}, `}top-k ${index_topk}`;
  main.append(
    h(
      "p",
      { className: "sub" },
      `${record.config} · ${record.layers.length} layers · ${record.tokens} tokens · seed ${record.seed} · ${scaled ? `lengths scaled to the prompt (${context})` : context} · ${record.started}`,
    ),
    h(
      "div",
      { className: "command" },
      h("code", {}, record.command),
      app.copyButton("Copy command", () => record.command),
    ),
    h("div", { className: "tiles" }, tiles),
  );
  if (record.unfinished.length > 0)
    main.append(h("p", { className: "bad" }, `Interrupted before: ${record.unfinished.join(", ")}.`));

  const linePlace = h("div");
  const heatPlace = h("div");
  const buttons = app.metrics.map((metric) =>
    h("button", { type: "button", onclick: () => choose(metric) }, metric.name),
  );
  const choose = (metric) => {
    buttons.forEach((b, i) => b.setAttribute("aria-pressed", String(app.metrics[i] === metric)));
    linePlace.replaceChildren(app.layerLines(metric));
    heatPlace.replaceChildren(app.heat(metric));
  };

  const environment = () => {
    const e = record.environment;
    return app.card(
      "What was done",
      null,
      null,
      h(
        "ul",
        { className: "method" },
        record.method.map((m) => h("li", {}, m)),
      ),
      h(
        "p",
        { className: "note" },
        `${e.cpu}, ${e.cores} cores, ${e.memory_gb} GB, node ${e.node}, ${e.os}, commit ${e.commit}${e.dirty ? " with changes" : ""}; ${num(record.wall_s).toFixed(0)} s.`,
      ),
    );
  };

  const cards = [
    record.choices.length === 0
      ? null
      : app.card(
          "Error over layers",
          "Each chain against the ideal one: float64, master weights, nothing rounded. Point at a name to see its line alone, click to hide it.",
          buttons,
          linePlace,
          h("h3", {}, "Choice by layer"),
          heatPlace,
        ),
    app.compounding(),
    app.choiceTable(),
    app.opTable(),
    environment(),
    h("footer", {}, "Every number is in this file: tables copy as JSON."),
  ];
  main.append(...cards.filter((c) => c !== null));
  if (record.choices.length > 0) choose(app.metrics[0]);
})();
