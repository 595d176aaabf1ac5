import { suite } from "../../harness/suite.ts";
import { op } from "../../kernels/fused/score_keys.op.ts";
import { mxfp4 } from "../index/scores.ts";
import { attrs, keysCases, positions, wide, type KeysCase } from "./score_keys.ts";

/** Scores 1 + j 2^-23, j in 0..7, that differ in their lowest byte: a one beside small numbers. */
const low: KeysCase = {
  name: "digits.low",
  attrs: attrs(wide, 1),
  make: (g) => ({
    q: g.from("e2m1", [3, 3, 128], (i) => Number(i % 32 === 0)),
    q_s: g.from("ue8m0", [3, 3, 4], () => 1),
    k: g.from("e2m1", [2300, 128], (i) =>
      i % 128 === 0 ? 1 : i % 128 === 32 ? Math.floor(g.random() * 8) / 2 : 0,
    ),
    k_s: g.from("ue8m0", [2300, 4], (i) => (i % 4 === 1 ? 2 ** -22 : 1)),
    w: g.from("bf16", [3, 3], (i) => Number(i % 3 === 0)),
    pos: positions(g, wide),
  }),
};

export default suite(op, [...keysCases(mxfp4), low]);
