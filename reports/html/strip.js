/* The heat strip: places of the model downwards, layers across, colour for the share of the bound that is used. */
(() => {
  "use strict";
  const { app } = globalThis;
  const { h, num } = app;

  /** Every status but PASS also has a letter, so that no reader depends on colour. */
  const GLYPH = { FAIL: "×", ERROR: "!", FLAKY: "~", ORACLE_SPLIT: "?", VACUOUS: "0", UNSUPPORTED: "–" };

  const bucket = (share) => {
    const x = num(share);
    return x === null ? 0 : Math.max(0, Math.min(9, Math.floor(x * 10)));
  };

  const classOf = (cell) =>
    cell.status === "PASS" ? `cell b${bucket(cell.share)}` : `cell c-${cell.status}`;

  app.strip = (strip, open) => {
    const rows = app.data.rows;
    const describe = (cell) => {
      const row = rows[cell.rows[0]];
      const more = cell.rows.length > 1 ? `, ${cell.rows.length} tensors` : "";
      return `${app.nameOf(row)}: ${cell.status}, ${app.percent(cell.share)} of its bound${more}`;
    };
    const buttons = [];
    const grid = strip.lines.map((line, y) =>
      h(
        "tr",
        {},
        h("th", { scope: "row", title: `${line.name} (${line.family})` }, line.name),
        line.cells.map((cell, x) => {
          if (cell === null) return h("td");
          const key = rows[cell.rows[0]].key;
          const button = h(
            "button",
            {
              className: classOf(cell),
              type: "button",
              tabIndex: buttons.length === 0 ? 0 : -1,
              "aria-label": describe(cell),
              data: { key, x, y },
              onclick: () => open(key),
              onmousemove: (e) => app.tip(describe(cell), e.clientX, e.clientY),
              onmouseleave: () => app.tip(null),
            },
            GLYPH[cell.status] ?? "",
          );
          buttons.push(button);
          return h("td", {}, button);
        }),
      ),
    );
    const table = h(
      "table",
      { className: "strip", data: { mode: strip.mode } },
      strip.by === "layer"
        ? h(
            "thead",
            {},
            h(
              "tr",
              {},
              h("th"),
              strip.columns.map((c, i) =>
                h("th", { scope: "col" }, c >= 0 && (i === 0 || c % 5 === 0) ? c : ""),
              ),
            ),
          )
        : null,
      h("tbody", {}, grid),
    );
    // one stop for the Tab key; arrows move inside
    table.addEventListener("keydown", (e) => {
      const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
      if (!move || !e.target.dataset.key) return;
      e.preventDefault();
      const [x, y] = [Number(e.target.dataset.x) + move[0], Number(e.target.dataset.y) + move[1]];
      const next = buttons.find((b) => Number(b.dataset.x) === x && Number(b.dataset.y) === y);
      if (!next) return;
      e.target.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
      const box = next.getBoundingClientRect();
      app.tip(next.ariaLabel, box.left, box.bottom);
    });
    table.addEventListener("focusout", () => app.tip(null));
    const key = (className, glyph, label) =>
      h("span", {}, h("span", { className: `cell ${className}` }, glyph), label);
    const present = new Set(strip.lines.flatMap((line) => line.cells.flatMap((c) => (c ? [c.status] : []))));
    return h(
      "div",
      {},
      h("div", { className: "scroll whole" }, table),
      h(
        "div",
        { className: "legend" },
        h(
          "span",
          {},
          "0 %",
          h(
            "span",
            { className: "ramp" },
            Array.from({ length: 10 }, (_, i) => h("span", { className: `cell b${i}` })),
          ),
          "100 % of the bound used",
        ),
        Object.entries(GLYPH)
          .filter(([status]) => present.has(status))
          .map(([status, glyph]) => key(`c-${status}`, glyph, `${status}: ${app.data.meaning[status]}`)),
      ),
    );
  };
})();
