import { describe, expect, test } from "vitest";
import { duration, escapeMarkup, percent, place, sig } from "./format.ts";
import { environment, ranges, summarise } from "./summary.ts";
import { growth, ledger, strip, times, tokenMap } from "./tables.ts";
import { header, modelRun, results, row } from "./testing.ts";

describe("format", () => {
  test("numbers keep what matters and say what they are", () => {
    expect([0, 3, 1234567, 0.1234567, 1.5e-7, NaN, Infinity, -Infinity].map(sig)).toEqual(
      "0 3 1.23e6 0.1235 1.50e-7 NaN Infinity -Infinity".split(" "),
    );
    expect([sig(null), percent(0.12345), percent(NaN), percent(null)]).toEqual(["–", "12.35 %", "NaN", "–"]);
    expect([duration(0.5), duration(12), duration(61234), duration(null)]).toEqual(
      "500 µs|12 ms|61.23 s|–".split("|"),
    );
  });
  test("names", () => {
    expect([place("layers.12.attn.q_a"), place("rmsnorm")]).toEqual(["attn.q_a", "rmsnorm"]);
    expect(escapeMarkup(`<a b="c">'&`)).toBe("&lt;a b=&quot;c&quot;&gt;&#39;&amp;");
    expect([ranges([]), ranges([3, 1, 2, 7, 7])]).toEqual(["", "1-3, 7"]);
  });
});

describe("verdict", () => {
  test("the most alarming status wins, and unsupported is never green", () => {
    const verdict = (...statuses: Parameters<typeof row>[0][]) =>
      summarise(results(statuses.map(row))).verdict;
    expect(verdict({}, {})).toBe("PASS");
    expect(verdict({}, { status: "UNSUPPORTED" })).toBe("UNSUPPORTED");
    expect(verdict({ status: "VACUOUS" }, { status: "UNSUPPORTED" })).toBe("VACUOUS");
    expect(verdict({ status: "ORACLE_SPLIT" }, { status: "VACUOUS" })).toBe("ORACLE_SPLIT");
    expect(verdict({ status: "FLAKY" }, { status: "ORACLE_SPLIT" })).toBe("FLAKY");
    expect(verdict({ status: "ERROR" }, { status: "FLAKY" })).toBe("ERROR");
    expect(verdict({ status: "ERROR" }, { status: "FAIL" })).toBe("FAIL");
    expect(verdict()).toBe("EMPTY");
  });
  test("a run that stopped early does not pass, but what it found stands", () => {
    const cut = { end: null };
    expect(summarise(results([row()], cut))).toMatchObject({ verdict: "INCOMPLETE" });
    expect(summarise(results([row({ status: "FAIL" })], cut)).verdict).toBe("FAIL");
    const short = results([row()], { header: header({ expected_units: 3 }), done: new Set(["a", "b"]) });
    expect(summarise(short).sentence).toContain("2 of 3 planned units");
    const end = { ...results([]).end!, interrupted: true };
    expect(summarise(results([row()], { end })).verdict).toBe("INCOMPLETE");
  });
  test("findings by alarm, then by share, a NaN before all", () => {
    const found = summarise(
      results([
        row({ status: "VACUOUS", site: "v" }),
        row({ status: "FAIL", site: "a", share: 2 }),
        row({ site: "fine" }),
        row({ status: "FAIL", site: "b", share: NaN }),
        row({ status: "FAIL", site: "c", share: 9 }),
      ]),
    );
    expect(found.findings.map((r) => r.site)).toEqual(["b", "c", "a", "v"]);
    expect(found.tightest?.site).toBe("fine");
    expect(found.counts).toMatchObject({ PASS: 1, FAIL: 3, VACUOUS: 1, ERROR: 0 });
  });
  test("the environment names what ran", () => {
    const e = Object.fromEntries(environment(modelRun(3)));
    expect(e).toMatchObject({
      Command: "pnpm verify --all",
      Layers: "0-2",
      "Wall time": "7.25 s",
      nvcc: "13.0",
    });
    expect(environment(results([], { end: null }))).toContainEqual(["Ended", "no: the run was cut off"]);
  });
});

describe("tables", () => {
  test("growth takes the worst isolated tensor, the last accumulated one, and the price", () => {
    const g = growth(
      results([
        row({ layer: 1, rel: 3 }),
        row({ layer: 0, rel: 1, site: "x" }),
        row({ layer: 0, rel: 2, site: "y" }),
        row({ layer: 0, rel: 9, site: "ids", dtype: "i32" }),
        row({ layer: 0, rel: 7, mode: "accumulated" }),
        row({ layer: 0, rel: 5, mode: "accumulated", site: "z" }),
        row({ layer: 1, rel: NaN, site: "nan" }),
        row({ layer: null, rel: 100, case: "c", mode: "op" }),
      ]),
    );
    expect(g.layers).toEqual([0, 1]);
    expect(g.isolated).toEqual([2, NaN]);
    expect(g.accumulated).toEqual([5, null]);
    expect(g.price).toEqual([2e-3, null]);
  });
  test("the strip has a line a place, a column a layer, and the worst row in front", () => {
    const r = results([
      row({ layer: 3, site: "layers.3.a" }),
      row({ layer: 5, site: "layers.5.b", share: 0.1 }),
      row({ layer: 5, site: "layers.5.b", status: "ERROR", share: null }),
      row({ layer: null, site: "head", share: 0.9 }),
    ]);
    const s = strip(r, "isolated");
    expect([s.by, s.columns]).toEqual(["layer", [-1, 3, 5]]);
    expect(s.lines.map((l) => l.name)).toEqual(["a", "b", "head"]);
    expect(s.lines[0].cells).toEqual([null, { status: "PASS", share: 0.4, rows: [0] }, null]);
    expect(s.lines[1].cells[2]).toEqual({ status: "ERROR", share: 0.1, rows: [2, 1] });
    expect(s.lines[2].cells[0]?.share).toBe(0.9);
    const byCase = strip(
      results(["one", "two"].map((c) => row({ layer: null, case: c, site: "rmsnorm", mode: "op" }))),
      "op",
    );
    expect([byCase.by, byCase.columns, byCase.lines[0].cells.length]).toEqual(["case", [0, 1], 2]);
    expect(strip(results([]), "op")).toMatchObject({ lines: [], columns: [] });
  });
  test("a call with several outputs is timed once", () => {
    const split = (output: string) =>
      row({ op: "hc_split", output, site: `layers.1.hc.${output}`, layer: 1 });
    const t = times(results([split("pre"), split("post"), row({ op: "rmsnorm", site: "n" })]), ["isolated"]);
    expect(t.map((x) => [x.op, x.calls, x.native])).toEqual([
      ["hc_split", 1, 12.5],
      ["rmsnorm", 1, 12.5],
    ]);
    expect(times(results([row({ native_ms: null })]), ["isolated"])[0].native).toBeNull();
    expect(times(results([row()]), ["op"])).toEqual([]);
  });
  test("the ledger flags a flip above its slack, also one that cost NaN", () => {
    const d = { n: 10, flips: 1, slack: 1e-6, max_regret: 1e-7, sum_regret: 1e-7, worst: [] };
    const l = ledger(
      results([
        row({ site: "ok", decisions: d }),
        row({ site: "bug", decisions: { ...d, max_regret: 1 } }),
        row({ site: "nan", decisions: { ...d, max_regret: NaN } }),
        row({ site: "none", decisions: { ...d, flips: 0, max_regret: 0 } }),
      ]),
    );
    expect(l.map((e) => [e.site, e.aboveSlack])).toEqual([
      ["bug", true],
      ["nan", true],
      ["ok", false],
      ["none", false],
    ]);
    expect(l[0].perMillion).toBe(1e5);
  });
  test("the token map holds one line a layer of the accumulated run", () => {
    const m = tokenMap(modelRun(4));
    expect(m.layers).toEqual([0, 1, 2, 3]);
    expect(m.values.map((v) => v.length)).toEqual([64, 64, 64, 64]);
  });
});
