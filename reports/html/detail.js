/* The drawer of one tensor: verdict, checks against bounds, worst element to the bit, distribution, decisions, provenance. */
(() => {
  "use strict";
  const { app } = globalThis;
  const { h, sig, num } = app;

  /** Widths of sign, exponent and mantissa. */
  const FIELDS = {
    f64: [1, 11, 52],
    f32: [1, 8, 23],
    bf16: [1, 8, 7],
    e4m3: [1, 4, 3],
    e2m1: [1, 2, 1],
    ue8m0: [0, 8, 0],
  };

  /** Hexadecimal bits as 0s and 1s by field; bits that differ from `other` stand out. Null when the text is not such bits. */
  const bits = (hex, other, dtype) => {
    const fields = FIELDS[dtype];
    const digits = /^(0x)?([0-9a-f]+)$/i.exec(hex);
    if (!fields || !digits) return null;
    const width = fields[0] + fields[1] + fields[2];
    const binary = (x) =>
      BigInt(`0x${x.replace(/^0x/i, "")}`)
        .toString(2)
        .padStart(width, "0");
    const mine = binary(digits[2]);
    const theirs = /^(0x)?[0-9a-f]+$/i.test(other) ? binary(other) : mine;
    if (mine.length !== width) return null;
    return h(
      "span",
      { className: "bits" },
      [...mine].map((b, i) => {
        const field = i < fields[0] ? "sign" : i < fields[0] + fields[1] ? "exp" : "man";
        const gap = i === fields[0] || i === fields[0] + fields[1] ? " " : "";
        return [i > 0 ? gap : "", h("i", { className: b === theirs[i] ? field : "flip" }, b)];
      }),
    );
  };

  const pairs = (entries) =>
    h(
      "dl",
      { className: "pair" },
      entries
        .filter(([, v]) => v !== null && v !== undefined)
        .map(([k, v]) => [h("dt", {}, k), h("dd", {}, v)]),
    );

  const at = (coords) => `[${coords.join(", ")}]`;

  const checks = (row) => {
    const columns = [
      { name: "Check", value: (c) => c.name },
      {
        name: "Value",
        num: true,
        value: (c) => num(c.value),
        cell: (c) => h("span", { className: c.ok ? "" : "bad" }, sig(c.value)),
      },
      { name: "Bound", num: true, value: (c) => num(c.bound), cell: (c) => sig(c.bound) },
      {
        name: "Share",
        value: (c) => num(c.share),
        cell: (c) => {
          const share = num(c.share);
          const fill = h("i");
          fill.style.width = `${Number.isFinite(share) ? Math.max(0, Math.min(100, share * 100)) : 100}%`;
          return h(
            "span",
            {},
            h("span", { className: c.ok ? "meter" : "meter over" }, fill),
            ` ${app.percent(share)}`,
          );
        },
      },
      { name: "Where", value: (c) => (c.at ? at(c.at) : "") },
    ];
    return row.checks.length === 0
      ? h("p", { className: "note" }, "Nothing was measured.")
      : app.table({ columns, rows: row.checks });
  };

  const worstElement = (row) => {
    const w = row.worst_element;
    if (!w) return null;
    const line = (label, value, hex, other) =>
      h(
        "tr",
        {},
        h("td", {}, label),
        h("td", { className: "num mono" }, String(value)),
        h("td", { className: "mono" }, hex ?? ""),
        h("td", {}, hex ? bits(hex, other, row.dtype) : ""),
      );
    return [
      h("h3", {}, `Worst element ${at(w.at)}`),
      h(
        "table",
        { className: "data", id: "worst" },
        h(
          "tbody",
          {},
          line("native", w.native, w.native_bits, w.faithful_bits),
          line("faithful", w.faithful, w.faithful_bits, w.native_bits),
          w.ideal === null ? null : line("ideal", w.ideal, null),
        ),
      ),
      h("p", { className: "note" }, `${sig(w.ulp)} representable ${row.dtype} values apart.`),
    ];
  };

  const measured = (m) => {
    const kinds = (n) => `${n.nan} NaN, ${n.pos_inf} +∞, ${n.neg_inf} −∞`;
    const slice = (w) => `${sig(w.value)} at ${at(w.index)}`;
    return [
      h("h3", {}, "Distance"),
      pairs([
        ["relative L2", sig(m.rel_l2)],
        ["calc_diff", sig(m.calc_diff)],
        ["cosine", String(m.cosine)],
        ["norm ratio", String(m.norm_ratio)],
        ["largest difference", sig(m.max_abs)],
        ["worst row", slice(m.worst_row)],
        ["worst column", slice(m.worst_col)],
        ["worst 1×128 block", slice(m.worst_block)],
        [
          "bits differ in",
          `${m.differ} of ${m.n} elements (${app.percent(m.n > 0 ? m.differ / m.n : null)})`,
        ],
        ["bias", `${app.percent(m.bias.share_up)} of ${m.bias.n} upwards, ${sig(m.bias.sigma)} σ`],
        ["zeros", `native ${app.percent(m.zeros.native)}, faithful ${app.percent(m.zeros.faithful)}`],
        [
          "saturated",
          `native ${app.percent(m.saturated.native)}, faithful ${app.percent(m.saturated.faithful)}`,
        ],
        ["non-finite, native", kinds(m.nonfinite.native)],
        ["non-finite, faithful", kinds(m.nonfinite.faithful)],
      ]),
      h("h3", {}, `ULP distance, at most ${sig(m.ulp.max)}`),
      m.ulp.histogram.length > 0 ? app.histogram(m.ulp.histogram) : null,
    ];
  };

  const decisions = (d) => [
    h("h3", {}, "Discrete decisions"),
    pairs([
      ["flips", `${d.flips} of ${d.n}`],
      ["worst regret", `${sig(d.max_regret)} (slack ${sig(d.slack)})`],
      ["sum of regret", sig(d.sum_regret)],
    ]),
    d.worst.length === 0
      ? null
      : app.table({
          columns: [
            { name: "Row", num: true, value: (x) => x.row },
            { name: "Regret", num: true, value: (x) => num(x.regret), cell: (x) => sig(x.regret) },
            { name: "Native chose", value: (x) => x.native.join(" ") },
            { name: "Faithful chose", value: (x) => x.faithful.join(" ") },
          ],
          rows: d.worst,
        }),
  ];

  /** Counts of the launch that made this tensor, where launches were counted. */
  const launch = (row) => {
    const at = (site) => app.data.launches[JSON.stringify([row.mode, row.case, site])];
    // an op of one output is tapped under its site, one of several under site and output
    const several = row.site.endsWith(`.${row.output}`);
    const l = at(row.site) ?? (several ? at(row.site.slice(0, -row.output.length - 1)) : undefined);
    if (!l) return null;
    const moved = (t) => `${app.si(t.unique)}B, ${app.si(t.total)}B as often as asked`;
    return [
      h("h3", {}, "Launch, counted and modelled"),
      pairs([
        ["grid, block", `${l.grid.join(" × ")}, ${l.block.join(" × ")}`],
        ["cluster", l.cluster.some((n) => n > 1) ? l.cluster.join(" × ") : null],
        ["device memory read", moved(l.read)],
        ["device memory written", moved(l.written)],
        [
          "must move",
          `${app.si(l.unavoidable.read)}B read, ${app.si(l.unavoidable.write)}B written: ${app.ratio(app.overUnavoidable(l))} is moved`,
        ],
        [
          "multiply-adds of tensor cores",
          l.macs && `${app.si(l.macs.issued)} issued, useful ${app.percent(app.usefulShare(l))}`,
        ],
        ["bank conflicts", `${app.si(l.conflicts)} extra wavefronts`],
        ["barrier waits", app.si(l.waits)],
        ["shared memory", `${app.si(l.shared)}B a CTA`],
        ["registers a thread", String(l.registers)],
        ["tensor memory", l.tmem_columns > 0 ? `${l.tmem_columns} columns` : null],
        ["B200 time", `at least ${app.time(l.us / 1e3)}, bound by ${l.bound}: a model, not a measurement`],
      ]),
    ];
  };

  /** What a status says beyond its sentence. */
  const because = (row) => row.error ?? row.reason ?? (row.stage ? `first failed check: ${row.stage}` : null);

  app.detail = (row, siblings, open, close) => {
    const o = row.oracles;
    const t = row.time_ms;
    const counters = Object.entries(row.counters);
    return [
      h(
        "div",
        { className: "head" },
        app.chip(row.status),
        h("h2", { className: "mono" }, app.nameOf(row)),
        h("span", { className: "space" }),
        app.copyButton("Copy JSON", () => row),
        app.copyButton("Copy link", () => location.href),
        h("button", { className: "small", type: "button", onclick: close, "aria-label": "Close" }, "Close"),
      ),
      h("p", { id: "sentence" }, row.sentence),
      because(row) ? h("p", { className: "bad" }, because(row)) : null,
      siblings.length > 1
        ? h(
            "p",
            {},
            "Same place: ",
            siblings.map((s) =>
              h(
                "button",
                {
                  className: "small",
                  type: "button",
                  "aria-pressed": String(s === row),
                  onclick: () => open(s.key),
                },
                `${s.mode} ${s.output}${s.case === null ? "" : ` ${s.case}`}`,
              ),
            ),
          )
        : null,
      pairs([
        ["op", `${row.family}/${row.op}, output ${row.output}`],
        [
          "tensor",
          `${row.dtype} [${row.shape.join(", ")}], ${row.mode}${row.layer === null ? "" : `, layer ${row.layer}`}`,
        ],
      ]),
      h("h3", {}, "Checks"),
      checks(row),
      row.why ? h("p", { className: "note" }, `Tolerance: ${row.why}.`) : null,
      worstElement(row),
      row.metrics ? measured(row.metrics) : null,
      row.decisions ? decisions(row.decisions) : null,
      launch(row),
      h("h3", {}, "Context"),
      pairs([
        [
          "price of the format",
          row.price
            ? `relative L2 ${sig(row.price.rel_l2)}, calc_diff ${sig(row.price.calc_diff)} (ideal against faithful)`
            : null,
        ],
        [
          "oracles",
          o
            ? `tfjs (${o.backend}) against ${o.against}: relative L2 ${sig(o.rel_l2)}, bound ${sig(o.bound)}, ${o.agree ? "they agree" : "they DISAGREE"}`
            : null,
        ],
        [
          "time",
          `native ${app.time(t.native)}, faithful ${app.time(t.faithful)}, ideal ${app.time(t.ideal)}, tfjs ${app.time(t.tf)}`,
        ],
        ...counters.map(([k, v]) => [k, sig(v)]),
        ...Object.entries(row.hashes).map(([k, v]) => [`hash of ${k}`, v === null ? null : h("code", {}, v)]),
      ]),
    ];
  };
})();
