/* Cards with tables: findings, divergences, decision ledger, times, all tensors, environment. */
(() => {
  "use strict";
  const { app } = globalThis;
  const { h, num, sig, data } = app;

  const siteCell = (row) => h("code", {}, app.nameOf(row));

  app.findings = (open) => {
    if (data.findings.length === 0) return null;
    const rows = data.findings.map((i) => data.rows[i]);
    const columns = [
      { name: "Status", value: (r) => r.status, cell: (r) => app.chip(r.status) },
      { name: "Mode", value: (r) => r.mode },
      { name: "Tensor", value: (r) => app.nameOf(r), cell: siteCell },
      { name: "What", value: (r) => r.sentence },
    ];
    return app.card(
      `Findings (${rows.length})`,
      "Most alarming first. Choose one for its numbers, bits and provenance.",
      app.copyButton("Copy JSON", () => app.plain(columns, rows)),
      app.table({ columns, rows, open: (r) => open(r.key), limit: 25 }),
    );
  };

  app.divergences = (open) => {
    if (data.divergences.length === 0) return null;
    return app.card(
      "First divergence",
      "Where native first leaves the faithful chain: layer and token, then op, then tile.",
      app.copyButton("Copy JSON", () => data.divergences),
      data.divergences.map((d) => {
        const target = data.rows.find(
          (r) => r.mode === d.mode && (r.site === d.site || r.site.startsWith(`${d.site}.`)),
        );
        return h(
          "div",
          { className: "divergence" },
          h("div", {}, d.sentence),
          h(
            "div",
            { className: "note" },
            `${d.mode}, ${d.layer === null ? "no layer" : `layer ${d.layer}`}, ${d.token === null ? "no token" : `token ${d.token}`}, op ${d.op}, tile [${d.tile.join(", ")}] `,
            target
              ? h("button", { className: "small", type: "button", onclick: () => open(target.key) }, d.site)
              : h("code", {}, d.site),
          ),
        );
      }),
    );
  };

  app.ledger = (open) => {
    if (data.ledger.length === 0) return null;
    const columns = [
      { name: "Tensor", value: (e) => e.site, cell: (e) => h("code", {}, e.site) },
      { name: "Mode", value: (e) => e.mode },
      { name: "Decisions", num: true, value: (e) => e.decisions.n },
      { name: "Flips", num: true, value: (e) => e.decisions.flips },
      { name: "Per million", num: true, value: (e) => num(e.perMillion), cell: (e) => sig(e.perMillion) },
      {
        name: "Worst regret",
        num: true,
        value: (e) => num(e.decisions.max_regret),
        cell: (e) => h("span", { className: e.aboveSlack ? "bad" : "" }, sig(e.decisions.max_regret)),
      },
      { name: "Slack", num: true, value: (e) => num(e.decisions.slack), cell: (e) => sig(e.decisions.slack) },
      {
        name: "Judgement",
        value: (e) =>
          e.aboveSlack ? "above slack: a bug" : e.decisions.flips > 0 ? "within slack" : "equal",
      },
    ];
    const flips = data.ledger.reduce((a, e) => a + e.decisions.flips, 0);
    return app.card(
      "Discrete decisions",
      `${flips} flips in ${data.ledger.reduce((a, e) => a + e.decisions.n, 0)} decisions. A flip is an error only when the score lost is above what the arithmetic explains.`,
      app.copyButton("Copy JSON", () => data.ledger),
      app.table({ columns, rows: data.ledger, open: (e) => open(data.rows[e.row].key), limit: 30 }),
    );
  };

  app.times = (mode) => {
    const rows = data.times[mode] ?? [];
    if (rows.length === 0) return null;
    const column = (name, key) => ({
      name,
      num: true,
      value: (r) => num(r[key]),
      cell: (r) => app.time(r[key]),
    });
    const columns = [
      { name: "Op", value: (r) => r.op, cell: (r) => h("code", {}, r.op) },
      { name: "Family", value: (r) => r.family },
      { name: "Calls", num: true, value: (r) => r.calls },
      column("Native", "native"),
      column("Faithful", "faithful"),
      column("Ideal", "ideal"),
      column("tfjs", "tf"),
    ];
    const where = data.device.virtual
      ? `Native times are the simulator's (${data.device.name}), not a GPU's.`
      : `Native times are of ${data.device.name}.`;
    return app.card(
      "Time per op",
      `Sum over all calls of the ${mode} run. ${where}`,
      app.copyButton("Copy JSON", () => app.plain(columns, rows)),
      app.timeChart(rows),
      app.table({ columns, rows, limit: 60 }),
    );
  };

  app.all = (open) => {
    const metric = (name, key) => ({
      name,
      num: true,
      value: (r) => (r.metrics ? num(r.metrics[key]) : null),
      cell: (r) => (r.metrics ? sig(r.metrics[key]) : "–"),
    });
    const columns = [
      { name: "Status", value: (r) => r.status, cell: (r) => app.chip(r.status) },
      { name: "Mode", value: (r) => r.mode },
      { name: "Tensor", value: (r) => app.nameOf(r), cell: siteCell },
      { name: "Op", value: (r) => r.op },
      { name: "Share", num: true, value: (r) => num(r.share), cell: (r) => app.percent(r.share) },
      metric("rel L2", "rel_l2"),
      metric("calc_diff", "calc_diff"),
      {
        name: "max ULP",
        num: true,
        value: (r) => num(r.metrics?.ulp.max),
        cell: (r) => sig(r.metrics?.ulp.max),
      },
      {
        name: "Native",
        num: true,
        value: (r) => num(r.time_ms.native),
        cell: (r) => app.time(r.time_ms.native),
      },
    ];
    const text = h("input", {
      type: "search",
      placeholder: "Filter by name",
      "aria-label": "Filter by name",
      id: "filter",
    });
    const status = h(
      "select",
      { "aria-label": "Status" },
      h("option", { value: "" }, "every status"),
      Object.keys(data.counts).map((s) => h("option", { value: s }, s)),
    );
    const place = h("div");
    let rows = data.rows;
    const draw = () => {
      const wanted = text.value.toLowerCase();
      rows = data.rows.filter(
        (r) =>
          (status.value === "" || r.status === status.value) &&
          `${r.mode} ${app.nameOf(r)} ${r.op} ${r.family}`.toLowerCase().includes(wanted),
      );
      place.replaceChildren(app.table({ columns, rows, open: (r) => open(r.key), limit: 50 }));
    };
    text.addEventListener("input", draw);
    status.addEventListener("change", draw);
    draw();
    return app.card(
      `All tensors (${data.rows.length})`,
      null,
      [text, status, app.copyButton("Copy JSON", () => rows)],
      place,
    );
  };

  app.environment = () =>
    app.card(
      "Environment",
      null,
      app.copyButton("Copy JSON", () => Object.fromEntries(data.environment)),
      h(
        "dl",
        { className: "pair" },
        data.environment.map(([k, v]) => [h("dt", {}, k), h("dd", {}, v)]),
      ),
    );
})();
