import { describe, expect, test } from "vitest";
import { op as normQuant } from "../kernels/fused/norm_quant.op.ts";
import { defineFusion, result, tap, type FusionDecl } from "../kernels/fusion.ts";
import { op as rmsnorm } from "../kernels/norm/rmsnorm.op.ts";
import { op as actQuantFp8 } from "../kernels/quant/act_quant_fp8.op.ts";
import { t, type OpDecl } from "../kernels/schema.ts";
import { exact as norm } from "./norm/rmsnorm.ts";
import { exact as quant } from "./quant/act_quant_fp8.ts";
import { composed } from "./fusion.ts";
import { bf16, faithful } from "./num/index.ts";
import { run } from "./run.ts";
import type { Bound, Exact, In } from "./op.ts";

const oracles: Record<string, Exact<OpDecl>> = {
  rmsnorm: norm as unknown as Exact<OpDecl>,
  act_quant_fp8: quant as unknown as Exact<OpDecl>,
};

test("a fusion gives what its parts give one after the other, intermediates too", () => {
  const values = (n: number, f: (i: number) => number) =>
    ({
      dtype: "bf16",
      shape: [n],
      data: Uint16Array.from({ length: n }, (_, i) => bf16.encode(f(i))),
    }) as const;
  const x = { ...values(2 * 160, (i) => Math.sin(i) * (1 + (i % 7))), shape: [2, 160] };
  const w = values(160, (i) => 0.5 + (i % 3));
  const s = { n_row: 2, d_model: 160, eps: 1e-6, block: 128, floor: 1e-4 };
  const got = composed(normQuant, { x, w }, s, (_, c) =>
    oracles[c.op.name](c.t as In<OpDecl>, c.s as Bound<OpDecl>, faithful),
  );
  const { y } = run(rmsnorm, norm, faithful, { x, w }, { eps: 1e-6 });
  const { q, s: scale } = run(actQuantFp8, quant, faithful, { x: y }, { block: 128, floor: 1e-4 });
  expect(got).toEqual({ y, q, s: scale });
});

describe("a declaration that does not fit says what is missing", () => {
  const good = {
    name: "two",
    family: "fused",
    cite: "none",
    axes: { n: "rows", d: "width" },
    attrs: { eps: "f32" },
    in: { x: t("bf16", ["n", "d"]), w: t("bf16", ["d"]) },
    launch: { grid: ["n"], block: 32 },
  } as const;
  const part = {
    name: "norm",
    op: rmsnorm,
    in: { x: "x", w: "w" },
    scalars: { n_row: "n", d_model: "d", eps: "eps" },
    out: { y: tap("y", ["n", "d"]) },
  } as const;
  const fuse =
    (...parts: FusionDecl["parts"]) =>
    () =>
      defineFusion({ ...good, parts });

  test("a whole one has its parts' contract, judges and operations", () => {
    const op = fuse(part)();
    expect(op.contract).toMatch(/^rmsnorm; every value/);
    expect(op.out.y).toMatchObject({ dtype: "bf16", optional: true, judge: { kind: "close" } });
    expect(op.flops({ n: 3, d: 8, eps: 0 })).toBe(rmsnorm.flops({ n_row: 3, d_model: 8, eps: 0 }));
  });
  test.each([
    ["an input is missing", { ...part, in: { x: "x" } }, 'part norm: expected an input "w", got none'],
    ["an input is nowhere", { ...part, in: { x: "z", w: "w" } }, 'an earlier output, got "z"'],
    [
      "an input of another op",
      { ...part, in: { x: "x", w: "w", v: "x" } },
      'expected inputs of rmsnorm, got "v"',
    ],
    [
      "a scalar is missing",
      { ...part, scalars: { n_row: "n", d_model: "d" } },
      'expected a value for "eps", got none',
    ],
    ["an output has no name", { ...part, out: {} }, 'expected a name for output "y", got none'],
    [
      "a name is taken",
      { ...part, out: { y: result("x", ["n", "d"]) } },
      'expected each output once, got "x" twice',
    ],
  ])("%s", (_, wrong, sentence) => {
    expect(fuse(wrong as FusionDecl["parts"][number])).toThrow(sentence);
  });
});
