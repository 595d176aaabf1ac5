/* The page: order of the cards, and the address. #row=<key>&mode=<mode> opens a tensor and chooses a strip. */
(() => {
  "use strict";
  const { app } = globalThis;
  const { h, data } = app;
  const main = document.getElementById("main");
  const drawer = document.getElementById("detail");
  const state = { mode: data.modes[0] ?? null, row: null };

  const go = (change) => {
    Object.assign(state, change);
    const address = new URLSearchParams();
    if (state.mode !== null && state.mode !== data.modes[0]) address.set("mode", state.mode);
    if (state.row !== null) address.set("row", state.row);
    const hash = address.toString();
    history.replaceState(null, "", hash === "" ? location.pathname + location.search : `#${hash}`);
    show();
  };
  const open = (key) => go({ row: key });
  const close = () => go({ row: null });

  /** The worst tensor of a layer, in the chosen mode. */
  const openLayer = (layer) => {
    const rows = data.rows.filter((r) => r.layer === layer && r.mode === state.mode);
    const worst = rows.reduce(
      (a, b) => (a === null || (app.num(b.share) ?? -1) > (app.num(a.share) ?? -1) ? b : a),
      null,
    );
    if (worst) open(worst.key);
  };

  const stripPlace = h("div");
  const profilePlace = h("div");
  const timePlace = h("div");
  let drawnMode;
  const drawMode = () => {
    if (drawnMode === state.mode) return;
    drawnMode = state.mode;
    const strip = data.strips.find((s) => s.mode === state.mode);
    const choices = data.modes.map((mode) =>
      h(
        "button",
        { type: "button", "aria-pressed": String(mode === state.mode), onclick: () => go({ mode }) },
        mode,
      ),
    );
    stripPlace.replaceChildren(
      strip
        ? app.card(
            strip.by === "layer"
              ? "Share of the bound, by place and layer"
              : "Share of the bound, by op and case",
            "One cell a tensor, the worst where several share a place. Choose a cell for its details; arrow keys move.",
            [choices, app.copyButton("Copy JSON", () => strip)],
            app.strip(strip, open),
          )
        : "",
    );
    profilePlace.replaceChildren(app.profile(state.mode) ?? "");
    timePlace.replaceChildren(app.times(state.mode) ?? "");
  };

  const drawRow = () => {
    const row = data.rows.find((r) => r.key === state.row);
    drawer.hidden = !row;
    document.body.classList.toggle("open", Boolean(row));
    document.querySelectorAll(".cell.on").forEach((c) => c.classList.remove("on"));
    if (!row) return;
    const siblings = data.rows.filter((r) => r.layer === row.layer && r.site === row.site);
    drawer.replaceChildren(
      ...app
        .detail(row, siblings.slice(0, 24), open, close)
        .flat(Infinity)
        .filter((x) => x !== null),
    );
    drawer.scrollTop = 0;
    document
      .querySelectorAll(".cell[data-key]")
      .forEach((c) => c.classList.toggle("on", c.dataset.key === row.key));
  };

  const show = () => {
    drawMode();
    drawRow();
  };

  const fromAddress = () => {
    const address = new URLSearchParams(location.hash.slice(1));
    const mode = address.get("mode");
    state.mode = data.modes.includes(mode) ? mode : (data.modes[0] ?? null);
    state.row = address.get("row");
    show();
  };

  const tiles = [
    h("div", { className: "tile" }, h("b", {}, String(data.rows.length)), h("span", {}, "tensors compared")),
    ...Object.entries(data.counts)
      .filter(([status, n]) => n > 0 || status === "PASS" || status === "FAIL")
      .map(([status, n]) =>
        h(
          "div",
          { className: status !== "PASS" && n > 0 ? "tile alarm" : "tile", title: data.meaning[status] },
          h("b", {}, String(n)),
          h("span", {}, status),
        ),
      ),
    h(
      "div",
      { className: "tile" },
      h("b", {}, data.wall_s === null ? "–" : app.time(app.num(data.wall_s) * 1e3)),
      h("span", {}, data.wall_s === null ? "was cut off" : "wall time"),
    ),
  ];

  main.append(
    h(
      "p",
      { className: "sub" },
      `${data.title} · ${data.tokens} tokens · ${data.device.name} · ${data.started}`,
    ),
    h(
      "div",
      { className: "command" },
      h("code", {}, data.command),
      app.copyButton("Copy command", () => data.command),
    ),
    h("div", { className: "tiles" }, tiles),
  );
  const cards = [
    app.findings(open),
    app.divergences(open),
    stripPlace,
    data.growth.layers.length === 0
      ? null
      : app.card(
          "Error growth over layers",
          "Isolated: each op gets the oracle's own input. Accumulated: native feeds native. An accumulated line that leaves the price of the formats behind is unexplained error.",
          app.copyButton("Copy JSON", () => data.growth),
          app.growthChart(openLayer),
        ),
    app.tokenMap(),
    app.ledger(open),
    profilePlace,
    timePlace,
    data.rows.length > 0 ? app.all(open) : null,
    app.environment(),
    h(
      "footer",
      {},
      "Every number is in this file: tables copy as JSON, and the address of an open tensor can be shared.",
    ),
  ];
  main.append(...cards.filter((c) => c !== null));
  addEventListener("hashchange", fromAddress);
  addEventListener("keydown", (e) => {
    if (e.key === "Escape" && state.row !== null) close();
  });
  fromAddress();
})();
