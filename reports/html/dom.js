/* Elements, numbers and the clipboard: what the other scripts of the report build with. No markup is ever parsed from data. */
(() => {
  "use strict";
  const app = (globalThis.app = { data: JSON.parse(document.getElementById("data").textContent) });

  /** Element of `tag`; `props` sets properties, `on*` adds listeners, `data` sets data attributes; children are nodes or text. */
  app.h = (tag, props, ...children) => {
    const e = document.createElement(tag);
    for (const [k, v] of Object.entries(props ?? {})) {
      if (v === undefined || v === null) continue;
      if (k.startsWith("on")) e.addEventListener(k.slice(2), v);
      else if (k === "data") Object.assign(e.dataset, v);
      else if (k in e) e[k] = v;
      else e.setAttribute(k, v);
    }
    e.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
    return e;
  };

  /** A number of the data: non-finite ones travel as strings. Null stays null. */
  app.num = (x) => (x === null || x === undefined ? null : Number(x));

  /** Up to four significant digits. */
  app.sig = (value) => {
    const x = app.num(value);
    if (x === null) return "–";
    if (Number.isNaN(x)) return "NaN";
    if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
    if (x === 0) return "0";
    const a = Math.abs(x);
    if (Number.isInteger(x) && a < 1e6) return String(x);
    if (a >= 1e-3 && a < 1e6) return String(Number(x.toPrecision(4)));
    return x.toExponential(2).replace("e+", "e");
  };

  app.percent = (value) => {
    const x = app.num(value);
    return x === null || !Number.isFinite(x) ? app.sig(x) : `${app.sig(Math.round(x * 1e4) / 100)} %`;
  };

  app.time = (value) => {
    const x = app.num(value);
    if (x === null || !Number.isFinite(x)) return app.sig(x);
    return x < 1 ? `${app.sig(x * 1e3)} µs` : x < 1e3 ? `${app.sig(x)} ms` : `${app.sig(x / 1e3)} s`;
  };

  /** A count with the letter of its thousands; a unit may follow. */
  app.si = (value) => {
    const x = app.num(value);
    if (x === null || !Number.isFinite(x)) return app.sig(x);
    const [scale, letter] = [
      [1e12, "T"],
      [1e9, "G"],
      [1e6, "M"],
      [1e3, "k"],
    ].find(([s]) => x >= s) ?? [1, ""];
    return letter === "" ? String(Math.round(x)) : `${(x / scale).toPrecision(3)} ${letter}`;
  };

  app.chip = (status) =>
    app.h("span", { className: `chip ${status}`, title: app.data.meaning[status] }, status);

  /** Site with its case, as a reader names a tensor. */
  app.nameOf = (row) => (row.case === null ? row.site : `${row.site} ${row.case}`);

  /** Value of a custom property of the page, for canvases. */
  app.colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  /** Copies text; the fallback serves pages whose clipboard interface is withheld. */
  app.copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = app.h("textarea", { value: text });
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
  };

  /** A button that copies `make()` as JSON and says so. */
  app.copyButton = (label, make) => {
    const button = app.h("button", { className: "small", type: "button" }, label);
    button.addEventListener("click", async (event) => {
      event.stopPropagation();
      const value = make();
      await app.copy(typeof value === "string" ? value : JSON.stringify(value, null, 1));
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = label), 1200);
    });
    return button;
  };

  /** A titled card. `tools` stand at the right of the title. */
  app.card = (title, note, tools, ...body) =>
    app.h(
      "section",
      { className: "card" },
      app.h(
        "div",
        { className: "head" },
        app.h("h2", {}, title),
        app.h("span", { className: "space" }),
        tools,
      ),
      note ? app.h("p", { className: "note" }, note) : null,
      body,
    );

  /**
   * A table that sorts by a click on a heading, shows `limit` rows at first and copies as JSON.
   * Columns: { name, value(row), cell?(row), num?, about? }; `open(row)` makes rows links.
   */
  app.table = ({ columns, rows, open, limit = 100 }) => {
    let shown = limit;
    let sorted = rows;
    let by = null;
    const body = app.h("tbody");
    const more = app.h("button", { className: "small", type: "button" });
    const order = (x) =>
      typeof x === "number" ? (Number.isNaN(x) ? Infinity : x) : x === null ? -Infinity : x;
    const draw = () => {
      body.replaceChildren(
        ...sorted.slice(0, shown).map((row) => {
          const tr = app.h(
            "tr",
            open
              ? {
                  className: "link",
                  tabIndex: 0,
                  onclick: () => open(row),
                  onkeydown: (e) => e.key === "Enter" && open(row),
                }
              : {},
          );
          for (const c of columns) {
            const content = c.cell ? c.cell(row) : c.value(row);
            tr.append(app.h("td", { className: c.num ? "num" : "" }, content === null ? "–" : content));
          }
          return tr;
        }),
      );
      more.hidden = shown >= sorted.length;
      more.textContent = `Show ${Math.min(500, sorted.length - shown)} more of ${sorted.length}`;
    };
    more.addEventListener("click", () => {
      shown += 500;
      draw();
    });
    const heads = columns.map((c) =>
      app.h(
        "th",
        { className: c.num ? "num" : "", scope: "col" },
        app.h(
          "button",
          {
            type: "button",
            title: c.about,
            onclick: () => {
              const down = by === c ? -1 : 1;
              by = by === c ? null : c;
              sorted = [...rows].sort((a, b) => {
                const [x, y] = [order(c.value(a)), order(c.value(b))];
                return (x < y ? 1 : x > y ? -1 : 0) * (c.num ? down : -down);
              });
              draw();
            },
          },
          c.name,
        ),
      ),
    );
    draw();
    return app.h(
      "div",
      {},
      app.h(
        "div",
        { className: "scroll" },
        app.h("table", { className: "data" }, app.h("thead", {}, app.h("tr", {}, heads)), body),
      ),
      more,
    );
  };

  /** The rows of a table as objects by column name, for copying. */
  app.plain = (columns, rows) =>
    rows.map((row) => Object.fromEntries(columns.map((c) => [c.name, c.value(row)])));

  /** Text that follows the pointer, or stands by the focused element. */
  const tip = document.getElementById("tip");
  app.tip = (text, x, y) => {
    tip.hidden = text === null;
    if (text === null) return;
    tip.textContent = text;
    tip.style.left = `${Math.max(4, Math.min(x + 12, innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${Math.max(4, Math.min(y + 14, innerHeight - tip.offsetHeight - 8))}px`;
  };
})();
