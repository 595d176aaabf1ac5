/* What launches did, by op: modelled time by what binds it, useful multiply-adds, and every count in a table. */
(() => {
  "use strict";
  const { app } = globalThis;
  const { h, data, si } = app;

  /** Ops that the charts show; the table has them all. */
  const MOST = 16;
  /** Of Okabe and Ito's palette; the order is that of the bars' pieces. */
  const LIMITS = [
    { limit: "memory", colour: "#0072b2" },
    { limit: "tensor", colour: "#d55e00" },
    { limit: "CUDA cores", colour: "#009e73" },
    { limit: "shared memory", colour: "#cc79a7" },
  ];

  /** Bytes moved over bytes that must move; null where none must. */
  app.overUnavoidable = (p) => {
    const must = p.unavoidable.read + p.unavoidable.write;
    return must === 0 ? null : (p.read.unique + p.written.unique) / must;
  };
  app.usefulShare = (p) => (p.macs === null || p.macs.useful === null ? null : p.macs.useful / p.macs.issued);
  app.ratio = (x) => (x === null ? "–" : `${x.toFixed(2)}×`);

  const time = (us) => app.time(Number(us.toPrecision(3)) / 1e3);
  const percent = (x) => (x === null ? "–" : `${(100 * x).toFixed(1)} %`);

  const timeBars = (rows) =>
    app.stackedBars({
      label: "Modelled B200 time of each op by what binds it",
      axis: "modelled µs over all launches",
      rows,
      datasets: LIMITS.filter(({ limit }) => rows.some((r) => r.by_limit[limit] > 0)).map((l) => ({
        label: l.limit,
        colour: l.colour,
        value: (r) => r.by_limit[l.limit],
      })),
      tip: (r, limit) => ` ${limit}: ${time(r.by_limit[limit])}`,
      after: (r) => [`${r.launches} launches, at least ${time(r.us)}`],
    });

  const macBars = (rows) =>
    app.stackedBars({
      label: "Useful share of the multiply-adds given to tensor cores",
      axis: "% of the multiply-adds issued to tensor cores",
      rows,
      max: 100,
      datasets: [
        { label: "useful", colour: "#0072b2", value: (r) => 100 * Math.min(1, app.usefulShare(r)) },
        {
          label: "not useful",
          colour: app.colour("--s2"),
          value: (r) => 100 * Math.max(0, 1 - app.usefulShare(r)),
        },
      ],
      tip: (r, part) => {
        const n = part === "useful" ? r.macs.useful : r.macs.issued - r.macs.useful;
        return ` ${part}: ${si(n)}MAC (${percent(n / r.macs.issued)})`;
      },
      after: (r) => [`${si(r.macs.issued)}MAC issued`],
    });

  const number = (name, about, value, cell = (r) => si(value(r))) => ({
    name,
    about,
    num: true,
    value,
    cell,
  });
  const columns = [
    { name: "Op", value: (r) => r.op, cell: (r) => h("code", { className: "nowrap" }, r.op) },
    number("Launches", "Launches in this mode", (r) => r.launches),
    number(
      "B200 time",
      "Modelled, at the least; not measured",
      (r) => r.us,
      (r) => time(r.us),
    ),
    number(
      "Share",
      "Of the modelled time of all ops",
      (r) => r.share,
      (r) => percent(r.share),
    ),
    {
      name: "Bound by",
      about: "What binds the launches for the longest modelled time",
      value: (r) => r.limit,
      cell: (r) => h("span", { className: "nowrap" }, r.limit),
    },
    number("Read B", "Device memory, each byte once", (r) => r.read.unique),
    number("Loads B", "Device memory, as often as threads and copies ask", (r) => r.read.total),
    number("Written B", "Device memory, each byte once", (r) => r.written.unique),
    number("Stores B", "Device memory, as often as threads and copies ask", (r) => r.written.total),
    number(
      "Of needed",
      "Bytes read and written over inputs that must be read and outputs, each once",
      app.overUnavoidable,
      (r) => app.ratio(app.overUnavoidable(r)),
    ),
    number(
      "MACs",
      "Multiply-adds issued to tensor cores",
      (r) => r.macs?.issued ?? null,
      (r) => (r.macs === null ? "–" : si(r.macs.issued)),
    ),
    number("Useful", "Multiply-adds that the results need, of those issued", app.usefulShare, (r) =>
      percent(app.usefulShare(r)),
    ),
    number("Conflicts", "Wavefronts of shared memory beyond those that the bytes need", (r) => r.conflicts),
    number("Waits", "Of bar, mbarrier and cluster barriers", (r) => r.waits),
    number("Shared B", "Shared memory of a CTA, the most of any launch", (r) => r.shared),
    number("Regs", "Values of a thread alive at once in the PTX; ptxas may need more", (r) => r.registers),
  ];

  app.profile = (mode) => {
    const rows = data.profiles[mode] ?? [];
    if (rows.length === 0) return null;
    const known = rows.filter((r) => app.usefulShare(r) !== null);
    const chart = (title, body) => h("div", {}, h("h3", {}, title), body);
    const top = rows.slice(0, MOST);
    const title = (what, shown, of) => (of > shown ? `${what}, ${shown} of ${of} ops` : what);
    return app.card(
      "What the launches did, by op",
      `${data.caveat} Launches of the ${mode} run.`,
      [
        h("span", { className: "tag" }, "model, not a measurement"),
        app.copyButton("Copy JSON", () => app.plain(columns, rows)),
      ],
      h(
        "div",
        { className: "charts" },
        chart(title("Modelled time by what binds", top.length, rows.length), timeBars(top)),
        known.length > 0
          ? chart(
              title("Useful multiply-adds", Math.min(MOST, known.length), known.length),
              macBars(known.slice(0, MOST)),
            )
          : null,
      ),
      h("div", { className: "dense" }, app.table({ columns, rows, limit: 60 })),
    );
  };
})();
