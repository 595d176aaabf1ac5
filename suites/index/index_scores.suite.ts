import { suite } from "../../harness/suite.ts";
import { op } from "../../kernels/index/index_scores.op.ts";
import { coded, mxfp4, scaled, scoreCases, scoreInputs, type ScoreCase } from "./scores.ts";

/**
 * Token c and entry c have their only codes at element c of every block, so that they meet nobody else and their scales may be anything
 * that is reciprocal: bytes `from` + 4 c + block.
 */
const everyByte = (from: number): ScoreCase => ({
  name: `scales.every-byte.from=${from}`,
  attrs: { scale: 1 },
  make: (g) => {
    const n_head = 3;
    const byte = (row: number, b: number): number => from + 4 * row + b;
    const small = (): number => (g.random() < 0.5 ? -1 : 1) * (1 + Math.floor(g.random() * 3)) * 0.5;
    const scale = (code: number): number => (code === 255 ? NaN : 2 ** (code - 127));
    const reciprocal = (code: number): number =>
      Math.min(254, Math.max(0, 252 - code + Math.floor(g.random() * 5)));
    const only = (row: number, i: number): number => (i % 32 === row ? small() : 0);
    return {
      q: g.from("e2m1", [32, n_head, 128], (i) => only(Math.floor(i / (128 * n_head)), i)),
      q_s: g.from("ue8m0", [32, n_head, 4], (i) => scale(byte(Math.floor(i / (4 * n_head)), i % 4))),
      k: g.from("e2m1", [32, 128], (i) => only(Math.floor(i / 128), i)),
      k_s: g.from("ue8m0", [32, 4], (i) => scale(reciprocal(byte(i >> 2, i % 4)))),
      w: g.normal("bf16", [32, n_head]),
    };
  },
});

const corners: ScoreCase[] = [
  everyByte(0),
  everyByte(128),
  {
    // every second entry, and everything behind the 130th: neighbours in a tile, in a word of scales, in an unfinished tile
    name: "nan.entries",
    attrs: scaled(64),
    make: (g) => {
      const t = scoreInputs(g, mxfp4, [3, 64, 128, 200]);
      return {
        ...t,
        k_s: coded(t.k_s, 255, (i) => i >> 2 >= 130 || (i % 8 === (i >> 3) % 4 && i < 400)),
      };
    },
  },
  {
    // one block of one head spoils its token, in whichever of the tile's columns
    name: "nan.heads",
    attrs: scaled(3),
    make: (g) => {
      const t = scoreInputs(g, mxfp4, [60, 3, 128, 140]);
      return { ...t, q_s: coded(t.q_s, 255, (i) => i % 47 === 11) };
    },
  },
  {
    // a NaN scale over zeros is NaN; a NaN weight spoils its token also where the relu gives 0
    name: "nan.zeros",
    attrs: scaled(16),
    make: (g) => {
      const t = scoreInputs(g, mxfp4, [6, 16, 128, 40]);
      return {
        ...t,
        k: g.from("e2m1", [40, 128], (i) => (i % 128 < 96 ? ((i % 7) - 3) / 2 : 0)),
        k_s: coded(t.k_s, 255, (i) => i >> 2 === 17 && i % 4 === 3),
        w: g.from("bf16", [6, 16], (i) => (i === 35 ? NaN : i / 7 - 6)),
      };
    },
  },
  {
    name: "scales.wide",
    attrs: scaled(6),
    make: (g) => ({
      ...scoreInputs(g, mxfp4, [3, 6, 128, 70]),
      q_s: g.codes("ue8m0", [3, 6, 4], 90, 160),
      k_s: g.codes("ue8m0", [70, 4], 90, 160),
    }),
  },
  {
    // head h answers entry 11 h only, with its own weight; every block and every half of a word of scales has its own size
    name: "one-hot",
    attrs: { scale: 1 },
    make: (g) => ({
      q: g.from("e2m1", [2, 11, 128], (i) => (i % 128 === 11 * (Math.floor(i / 128) % 11) ? 1 : 0)),
      q_s: g.from("ue8m0", [2, 11, 4], (i) => 2 ** ((i % 4) + 4 * (Math.floor(i / 4) % 11))),
      k: g.from("e2m1", [128, 128], (i) => (i % 128 === Math.floor(i / 128) ? 1 : 0)),
      k_s: g.from("ue8m0", [128, 4], (i) => 2 ** ((i % 4) - (Math.floor(i / 4) % 16))),
      w: g.from("bf16", [2, 11], (i) => i + 1),
    }),
  },
];

export default suite(op, [...scoreCases(mxfp4), ...corners]);
