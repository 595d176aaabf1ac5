/** What the terminal shows, for rows made by the verdict itself. */
import { expect, test } from "vitest";
import { op as rope } from "../kernels/rope/rope.op.ts";
import { op as split } from "../kernels/mhc/hc_split.op.ts";
import { op as skeleton } from "../kernels/skeleton/skeleton.op.ts";
import type { OpDecl } from "../kernels/schema.ts";
import { encode } from "../oracle/num/index.ts";
import { findings, painter, summary, tables } from "./console.ts";
import { Progress } from "./progress.ts";
import type { Results, RunHeader, Row } from "./result.ts";
import { errorRows, rowOf, tapName } from "./rows.ts";
import { CLEAN, judge } from "./verdict.ts";

const right = [1, -2, 3, 5];
function row(
  op: OpDecl,
  output: string,
  mode: Row["mode"],
  site: string,
  name: string | null,
  native = right,
): Row {
  const decl = op.out[output];
  const [x, y] = [native, right].map((v) => encode(decl.dtype, v, [2, 2]));
  const call = { op, t: {}, s: { n: 4, a: 1 } };
  const v = judge({ decl, scalars: call.s, native: x, faithful: y, guards: CLEAN, oracles: null });
  const layer = name === null ? 3 : null;
  return rowOf(
    { call, output, mode, site: tapName(op, site, output), layer, case: name, faithful: y, native: x },
    v,
  );
}
const results = (header: Partial<RunHeader>, rows: Row[]): Results => ({
  header: {
    modes: ["op"],
    ops: [],
    layers: [],
    device: { id: "virtual", name: "Virtual SM100" },
    ...header,
  } as RunHeader,
  rows,
  profiles: [],
  divergences: [],
  done: new Set(),
  end: null,
});

test("one op: a line a case, with the verdict last and no colour without a terminal", () => {
  const rows = [
    row(skeleton, "y", "op", "skeleton", "small"),
    row(skeleton, "y", "op", "skeleton", "large", [1, -2, 3, 4]),
  ];
  const lines = tables(results({ ops: ["skeleton"] }, rows), {}).split("\n");
  expect(lines).toHaveLength(4);
  expect(lines[1]).toMatch(/^case +output +ms +calc_diff +1-cosine +norm ratio +worst row +price +of bound$/);
  expect(lines[2]).toMatch(/^small +skeleton .* PASS$/);
  expect(lines[3]).toMatch(/^large +skeleton .* over {2}FAIL$/);
});

test("several ops: a line an output with its worst case", () => {
  const rows = ["a", "b"].map((c) => row(rope, "y", "op", "rope", c, c === "b" ? [1, -2, 3, 4] : right));
  const all = [...rows, row(skeleton, "y", "op", "skeleton", "a")];
  const lines = tables(results({ ops: ["rope", "skeleton"] }, all), {}).split("\n");
  expect(lines).toHaveLength(4);
  expect(lines[2]).toMatch(/^rope .* b +FAIL \(worst of 2\)$/);
});

test("a layer: a line a call, both modes; several layers: a line an op output", () => {
  const at = (mode: Row["mode"], layer: number): Row[] =>
    ["pre", "post"].map((o) => row(split, o, mode, `layers.${layer}.attn_hc`, null));
  const modes: RunHeader["modes"] = ["isolated", "accumulated"];
  const one = tables(results({ modes, layers: [3] }, [...at("isolated", 3), ...at("accumulated", 3)]), {});
  expect(one).toMatch(/^isolated:.*\nwhere .*\nattn_hc\.pre +hc_split .*\nattn_hc\.post/);
  expect(one).toMatch(/\n\naccumulated: .*\n.*\nattn_hc\.pre/);
  const two = tables(results({ modes, layers: [3, 4] }, [...at("isolated", 3), ...at("isolated", 4)]), {});
  expect(two).toMatch(/\nhc_split\.pre .*PASS \(worst of 2\)\nhc_split\.post /);
});

test("findings name what is wrong, worst first, and the summary counts", () => {
  const call = { op: skeleton, t: {}, s: { n: 4, a: 1 } };
  const rows = [
    row(skeleton, "y", "op", "skeleton", "fine"),
    ...errorRows(
      { call, mode: "op", site: "skeleton", layer: null, case: "trap" },
      new Error("trap at line 7"),
    ),
    row(skeleton, "y", "op", "skeleton", "wrong", [1, -2, 3, 4]),
  ];
  const r = results({ ops: ["skeleton"] }, rows);
  expect(findings(r, {})).toMatch(
    /^FAIL op skeleton case wrong \(skeleton\): .*\nERROR op skeleton case trap .*: trap at line 7$/,
  );
  expect(findings(r, {}, 1)).toContain("... and 1 more");
  expect(summary(r, 1.25, {})).toBe("1 PASS, 1 FAIL, 1 ERROR in 1.3 s on Virtual SM100");
  expect(summary(results({}, []), 1, {})).toMatch(/^nothing was compared/);
});

test("colour is for terminals", () => {
  expect(painter({})("FAIL")).toBe("FAIL");
  expect(painter({ isTTY: true })("FAIL")).toBe("\u001b[31mFAIL\u001b[0m");
});

test("progress: rewritten on a terminal, now and then elsewhere", () => {
  const said: string[] = [];
  const out = { write: (s: string) => said.push(s) };
  const p = new Progress(out, 1e6);
  p.show("one");
  p.show("two");
  p.clear();
  expect(said).toEqual(["one\n"]);
  const tty = new Progress({ ...out, isTTY: true, columns: 8 });
  said.length = 0;
  tty.show("long line of text");
  tty.clear();
  expect(said).toEqual(["\r\u001b[2Klong li", "\r\u001b[2K"]);
});
