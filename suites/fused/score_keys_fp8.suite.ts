import { suite } from "../../harness/suite.ts";
import { op } from "../../kernels/fused/score_keys_fp8.op.ts";
import { fp8 } from "../index/scores.ts";
import { attrs, keysCases, positions, wide, type KeysCase } from "./score_keys.ts";

const corners: KeysCase[] = [
  {
    // scores 2^16 + j 2^-7, j in 0..7, that differ in their lowest byte
    name: "digits.low",
    attrs: attrs(wide, 1),
    make: (g) => ({
      ...fp8.given(g, [3, 1, 128, 2300], {
        q: (i) => (i % 128 === 0 ? 256 : i % 128 === 32 ? 2 ** -6 : 0),
        k: (i) => (i % 128 === 0 ? 256 : i % 128 === 32 ? Math.floor(g.random() * 8) / 2 : 0),
      }),
      w: g.from("bf16", [3, 1], () => 1),
      pos: positions(g, wide),
    }),
  },
  {
    // entries' scales decide: zero, negative, and infinite over sums of either sign
    name: "entries.special",
    attrs: attrs({ ...wide, topk: 900 }, 1),
    make: (g) => ({
      ...fp8.given(g, [3, 2, 128, 2300], {
        q: (i) => Number(i % 128 === 32 * ((i >> 7) % 2)),
        k: (i) => (i % 32 === 0 ? [6, 0, 1, 2.5, -1][Math.floor(g.random() * 5)] : 0),
        entry: (n) => [1, -2, 0, Infinity, 0.3, 1.5, -Infinity][(n * 5) % 7],
      }),
      w: g.from("bf16", [3, 2], (i) => 1 - 2 * (i % 2)),
      pos: positions(g, wide),
    }),
  },
];

export default suite(op, [...keysCases(fp8), ...corners]);
