/** Outputs on their way between machines, and what `agree` makes of two devices. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { op as quant } from "../kernels/quant/act_quant_mxfp4.op.ts";
import { op as skeleton } from "../kernels/skeleton/skeleton.op.ts";
import { encode } from "../oracle/num/index.ts";
import type { Tensor } from "../oracle/tensor.ts";
import { agreeAll, agreeTable, apart, judgeCase } from "./agree.ts";
import { makeCall, type NativeRun, type Tensors } from "./call.ts";
import { SeededInputs } from "./inputs.ts";
import { outputRecords, OutputsFile, readOutputs, tensorOf, type OutputRecord } from "./outputs.ts";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "dsv4-outputs-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const HEADER = {
  kind: "device",
  id: "cuda:0",
  name: "GPU",
  variant: "portable",
  seed: 3,
  commit: "abc",
} as const;
const ran = (out: Tensors): NativeRun => ({
  out,
  ms: 0,
  counters: {},
  profiles: [],
  guards: {},
  variant: "portable",
});

/** The skeleton's case, with an output of these values. */
function record(y: readonly number[], x = 1): OutputRecord[] {
  const n = y.length;
  const t = {
    x: encode("bf16", new Float64Array(n).fill(x), [n]),
    b: encode("f32", new Float64Array(n), [n]),
  };
  return outputRecords(makeCall(skeleton, t, { a: 1 }), "c", ran({ y: encode("bf16", y, [n]) }));
}

test("what is written comes back bit for bit, packed formats too", () => {
  const g = new SeededInputs(0, "outputs", "test");
  const x = g.normal("bf16", [3, 64]);
  const out = { q: g.codes("e2m1", [3, 64]), s: g.codes("ue8m0", [3, 2]) };
  const path = join(dir, "a.jsonl");
  const file = new OutputsFile(path, HEADER);
  for (const r of outputRecords(makeCall(quant, { x }), "some", ran(out))) file.append(r);
  file.append({ kind: "failed", op: "rope", case: "one", sentence: "cuda:0: launch: no" });
  file.close();
  const back = readOutputs(path);
  expect(back.header).toEqual(HEADER);
  expect(back.cases.map((c) => [c.op, c.case, c.outputs.length, c.failed])).toEqual([
    ["act_quant_mxfp4", "some", 2, ""],
    ["rope", "one", 0, "cuda:0: launch: no"],
  ]);
  const [q, s]: Tensor[] = back.cases[0].outputs.map(tensorOf);
  expect([q, s]).toEqual([out.q, out.s]);

  writeFileSync(path, `${readFileSync(path, "utf8")}{"kind":"outp`);
  expect(readOutputs(path).cases).toHaveLength(2); // stopped while writing
  writeFileSync(path, `${readFileSync(path, "utf8")}\n`);
  expect(() => readOutputs(path)).toThrow(/a\.jsonl:5: expected one JSON record, got/);
  writeFileSync(path, `{"kind":"failed","op":"a","case":"b","sentence":"c"}\n`);
  expect(() => readOutputs(path)).toThrow(/expected a "device" record first, got none/);
  expect(() => readOutputs(join(dir, "none"))).toThrow(/expected a file of verify --outputs/);
});

test("apart: elements, calc_diff, representable values", () => {
  const t = (...y: number[]): Tensor => encode("bf16", y, [y.length]);
  expect(apart("y", t(1, 2, NaN, 0), t(1, 2, NaN, 0))).toEqual({
    output: "y",
    n: 4,
    differ: 0,
    calc_diff: 0,
    ulp: 0,
  });
  // 1 + 2^-7 is the next bf16 above 1; -0 is another bit pattern of the same value
  const d = apart("y", t(1 + 2 ** -7, 4, -0), t(1, 4, 0));
  expect([d.differ, d.ulp]).toEqual([2, 1]);
  expect(d.calc_diff).toBeCloseTo(2 ** -14 / (16 + 16 + 1 + (1 + 2 ** -7) ** 2), 12);
  expect(apart("y", t(NaN), t(1)).ulp).toBe(Infinity);
});

test("a case is the same, apart, or cannot be compared and says why", () => {
  expect(judgeCase("skeleton", "c", record([1, 2]), record([1, 2])).state).toBe("same");
  const moved = judgeCase("skeleton", "c", record([1, 2]), record([1, 2 + 2 ** -6]));
  expect([moved.state, moved.apart[0].differ, moved.apart[0].ulp]).toEqual(["apart", 1, 1]);
  expect(judgeCase("skeleton", "c", record([1]), record([1], 2)).why).toMatch(
    /^inputs: expected \w+, got \w+$/,
  );
  expect(judgeCase("skeleton", "c", record([1]), []).why).toBe(
    "y: expected both devices to give it, got one",
  );
  const other = record([1]).map((r): OutputRecord => ({ ...r, variant: "sm100" }));
  expect(judgeCase("skeleton", "c", record([1]), other).why).toBe("kernel: expected sm100, got portable");
});

test("every case has its line where it is not the same, every op its sums", async () => {
  const all = await agreeAll(
    {
      header: HEADER,
      cases: [
        { op: "skeleton", case: "c", outputs: record([1, 2]), failed: "" },
        { op: "skeleton", case: "d", outputs: record([1, 2]), failed: "" },
        { op: "rope", case: "e", outputs: [], failed: "cuda:0: no" },
        { op: "rope", case: "f", outputs: record([1]), failed: "" },
      ],
    },
    (_, name) =>
      name === "f" ? Promise.reject(new Error("gone")) : Promise.resolve(record([1, name === "c" ? 2 : 4])),
  );
  expect(agreeTable(all).map((l) => l.replaceAll(/ +/g, " "))).toEqual([
    "op cases same bits apart not compared calc_diff max ulp worst case",
    "skeleton 2 1 1 0 1.8e-1 128 d",
    "rope 2 0 0 2 0 0 -",
    "skeleton d y: 1 of 2 elements differ, calc_diff 1.8e-1, max ulp 128",
    "rope e: not compared: cuda:0: no",
    "rope f: not compared: gone",
  ]);
});
