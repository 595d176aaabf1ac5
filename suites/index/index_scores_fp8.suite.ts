import { suite } from "../../harness/suite.ts";
import { op } from "../../kernels/index/index_scores_fp8.op.ts";
import { coded, fp8, scaled, scoreCases, scoreInputs, type ScoreCase } from "./scores.ts";

const pick = (from: readonly number[], i: number): number => from[i % from.length];

const codes: ScoreCase[] = [
  {
    // every code of a head with every code of an entry, alone in their rows: 0x7f and 0xff are NaN, also where the other is zero
    name: "codes.every",
    attrs: { scale: 1 },
    make: (g) => ({
      q: { ...g.codes("e4m3", [256, 1, 128]), data: alone(256, 77) },
      q_s: g.from("ue8m0", [256, 1], () => 1),
      k: { ...g.codes("e4m3", [256, 128]), data: alone(256, 77) },
      k_s: g.from("f32", [256], () => 1),
      w: g.uniform("bf16", [256, 1], 0.5, 2),
    }),
  },
  {
    // one NaN code spoils its entry for every token, and its token for every entry
    name: "nan.codes",
    attrs: scaled(64),
    make: (g) => {
      const t = scoreInputs(g, fp8, [6, 64, 128, 270]);
      return {
        ...t,
        q: coded(t.q, 0x7f, (i) => i === (2 * 64 + 63) * 128 + 127),
        k: coded(
          coded(t.k, 0xff, (i) => i === 17 * 128),
          0x7f,
          (i) => i === 260 * 128 + 31,
        ),
      };
    },
  },
];

/** Row r of 128 channels has code r at `channel` and zeros elsewhere. */
function alone(rows: number, channel: number): Uint8Array {
  const data = new Uint8Array(rows * 128);
  for (let r = 0; r < rows; r++) data[r * 128 + channel] = r;
  return data;
}

const scales: ScoreCase[] = [
  {
    // token t meets only entry t / 2, whose scale is about the reciprocal of the token's: byte t, from 2^-127 to 2^127 and NaN; entries'
    // scales from 2^126 to 2^-128, a denormal
    name: "scales.every-byte",
    attrs: { scale: 1 },
    make: (g) => {
      const small = (): number => (g.random() < 0.25 ? -1 : 1) * (1 + Math.floor(g.random() * 3)) * 0.5;
      return {
        q: g.from("e4m3", [256, 1, 128], (i) => (i % 128 === i >> 8 ? small() : 0)),
        q_s: g.from("ue8m0", [256, 1], (t) => (t === 255 ? NaN : 2 ** (t - 127))),
        k: g.from("e4m3", [128, 128], (i) => (i % 128 === i >> 7 ? Math.abs(small()) : 0)),
        k_s: g.from("f32", [128], (n) => 2 ** (126 - 2 * n)),
        w: g.uniform("bf16", [256, 1], 0.25, 0.5),
      };
    },
  },
  {
    // zero, negative and infinite scales, and NaN; an infinite one over a sum of zero is NaN
    name: "entries.special",
    attrs: scaled(16),
    make: (g) => ({
      ...scoreInputs(g, fp8, [5, 16, 128, 150]),
      k: g.from("e4m3", [150, 128], (i) => ((i >> 7) % 11 === 4 ? 0 : (i % 13) - 4)),
      k_s: g.from("f32", [150], (n) => pick([0.75, -1.25, 0, Infinity, 1, NaN, -Infinity, 0.3], n)),
    }),
  },
  {
    name: "entries.denormal",
    attrs: scaled(8),
    make: (g) => ({
      ...scoreInputs(g, fp8, [3, 8, 128, 140], [147, 148]),
      k_s: g.from("f32", [140], () => 2 ** -149 * (1 + Math.floor(g.random() * 2 ** 20))),
    }),
  },
  {
    name: "entries.nan",
    attrs: scaled(64),
    make: (g) =>
      fp8.spoiled(scoreInputs(g, fp8, [3, 64, 128, 200]), (n) => n >= 130 || n % 8 === (n >> 3) % 8),
  },
  {
    // one head's scale spoils its token, in whichever of the tile's columns
    name: "heads.nan",
    attrs: scaled(3),
    make: (g) => {
      const t = scoreInputs(g, fp8, [60, 3, 128, 140]);
      return { ...t, q_s: coded(t.q_s, 255, (i) => i % 47 === 11) };
    },
  },
  {
    // a NaN scale over zeros is NaN; a NaN weight spoils its token also where the relu gives 0
    name: "zeros.nan",
    attrs: scaled(16),
    make: (g) => ({
      ...scoreInputs(g, fp8, [6, 16, 128, 40]),
      k: g.from("e4m3", [40, 128], (i) => (i >> 7 === 17 ? 0 : (i % 7) - 3)),
      k_s: g.from("f32", [40], (n) => (n === 17 ? NaN : 1)),
      w: g.from("bf16", [6, 16], (i) => (i === 35 ? NaN : i / 7 - 6)),
    }),
  },
  {
    name: "scales.wide",
    attrs: scaled(6),
    make: (g) => scoreInputs(g, fp8, [3, 6, 128, 70], [90, 160]),
  },
  {
    // head h answers entry 11 h only, with its own weight and scale; every entry has its own scale
    name: "one-hot",
    attrs: { scale: 1 },
    make: (g) => ({
      ...fp8.given(g, [2, 11, 128, 128], {
        q: (i) => Number(i % 128 === 11 * (Math.floor(i / 128) % 11)),
        k: (i) => Number(i % 128 === Math.floor(i / 128)),
        head: (row) => 2 ** ((row % 11) - 5),
        entry: (n) => 1 + n / 128,
      }),
      w: g.from("bf16", [2, 11], (i) => i + 1),
    }),
  },
  {
    // the query's scale is a factor of the weight: a power of two moves every score by as much, to the last bit
    name: "heads.quantised",
    attrs: scaled(64),
    make: (g) => ({
      ...scoreInputs(g, fp8, [3, 64, 128, 130]),
      q: g.uniform("e4m3", [3, 64, 128], 200, 449),
      q_s: g.codes("ue8m0", [3, 64], 100, 101),
    }),
  },
];

export default suite<typeof op>(op, [...scoreCases(fp8), ...codes, ...scales]);
