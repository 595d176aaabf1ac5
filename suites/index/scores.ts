/** Cases of the indexer's scores that do not depend on the format of heads and entries, and what a format must be able to say. */
import type { Case, Inputs } from "../../harness/suite.ts";
import type { op } from "../../kernels/index/index_scores.op.ts";

export type ScoreCase = Case<typeof op>;
type Operands = Omit<ReturnType<ScoreCase["make"]>, "w">;
export type Shape = readonly [n_tok: number, n_head: number, width: number, n_entry: number];

export interface ScoreFormat {
  /** Codes and scales as quantised activations have them; scales lie between the powers of two whose ue8m0 codes are `scales`. */
  readonly drawn: (g: Inputs, s: Shape, scales?: readonly [number, number]) => Operands;
  /** Heads and entries of these values, which the codes hold, times the unit of each head (over all tokens) and entry. */
  readonly given: (g: Inputs, s: Shape, v: Given) => Operands;
  /** `t` of 128 channels with something in each entry that `at` picks that makes its scores NaN. */
  readonly spoiled: <T extends Operands>(t: T, at: (n: number) => boolean) => T;
}
export interface Given {
  readonly q: (i: number) => number;
  readonly k: (i: number) => number;
  readonly head?: (row: number) => number;
  readonly entry?: (n: number) => number;
}

const one = (): number => 1;

/** `t`, of an 8-bit format or a packed one, with `code` in the bytes that `at` picks. */
export const coded = <T extends ReturnType<Inputs["from"]>>(
  t: T,
  code: number,
  at: (i: number) => boolean,
): T => ({ ...t, data: Uint8Array.from(t.data as Uint8Array, (v, i) => (at(i) ? code : v)) });

export const mxfp4: ScoreFormat = {
  // every code, and scales of different size in every block
  drawn: (g, [n_tok, n_head, width, n_entry], [lo, hi] = [122, 128]) => {
    const blocks = Math.ceil(width / 32);
    return {
      q: g.codes("e2m1", [n_tok, n_head, width]),
      q_s: g.codes("ue8m0", [n_tok, n_head, blocks], lo, hi),
      k: g.codes("e2m1", [n_entry, width]),
      k_s: g.codes("ue8m0", [n_entry, blocks], lo, hi),
    };
  },
  given: (g, [n_tok, n_head, width, n_entry], { q, k, head = one, entry = one }) => {
    const blocks = Math.ceil(width / 32);
    return {
      q: g.from("e2m1", [n_tok, n_head, width], q),
      q_s: g.from("ue8m0", [n_tok, n_head, blocks], (i) => head(Math.floor(i / blocks))),
      k: g.from("e2m1", [n_entry, width], k),
      k_s: g.from("ue8m0", [n_entry, blocks], (i) => entry(Math.floor(i / blocks))),
    };
  },
  // one of its four scales
  spoiled: (t, at) => ({ ...t, k_s: coded(t.k_s, 255, (i) => at(i >> 2) && i % 4 === (i >> 2) % 4) }),
};

/** Every code that is a number. */
const finite = (g: Inputs, shape: readonly number[]) => {
  const t = g.codes("e4m3", shape);
  return { ...t, data: (t.data as Uint8Array).map((v) => ((v & 0x7f) === 0x7f ? v - 1 : v)) };
};

/** Codes of FP8 are up to 448 where those of FP4 are up to 6. */
const WIDER = 7;

export const fp8: ScoreFormat = {
  // entries' scales are no powers of two
  drawn: (g, [n_tok, n_head, width, n_entry], [lo, hi] = [122, 128]) => ({
    q: finite(g, [n_tok, n_head, width]),
    q_s: g.codes("ue8m0", [n_tok, n_head], lo - WIDER, hi - WIDER),
    k: finite(g, [n_entry, width]),
    k_s: g.from("f32", [n_entry], () => 2 ** (lo - WIDER - 127 + (hi - lo) * g.random())),
  }),
  given: (g, [n_tok, n_head, width, n_entry], { q, k, head = one, entry = one }) => ({
    q: g.from("e4m3", [n_tok, n_head, width], q),
    q_s: g.from("ue8m0", [n_tok, n_head], head),
    k: g.from("e4m3", [n_entry, width], k),
    k_s: g.from("f32", [n_entry], entry),
  }),
  // its scale, or one of its codes: either NaN
  spoiled: (t, at) => {
    const by = (n: number): number => (at(n) ? n % 3 : -1);
    const code = (k: Operands["k"], nan: number, kind: number): Operands["k"] =>
      coded(k, nan, (i) => by(i >> 7) === kind && i % 128 === (i >> 7) % 128);
    return {
      ...t,
      k: code(code(t.k, 0x7f, 1), 0xff, 2),
      k_s: {
        ...t.k_s,
        data: Float32Array.from(t.k_s.data as Float32Array, (v, n) => (by(n) === 0 ? NaN : v)),
      },
    };
  },
};

/** width^-1/2 n_head^-1/2, as the model scales. */
export const scaled = (n_head: number, width = 128) => ({ scale: Math.fround((n_head * width) ** -0.5) });

export const scoreInputs = (g: Inputs, f: ScoreFormat, s: Shape, scales?: readonly [number, number]) => ({
  ...f.drawn(g, s, scales),
  w: g.normal("bf16", [s[0], s[1]]),
});

export function scoreCases(f: ScoreFormat): ScoreCase[] {
  const shape = (s: Shape, bench?: true): ScoreCase => ({
    name: `${bench ? "model." : ""}n_tok=${s[0]}.n_head=${s[1]}.width=${s[2]}.n_entry=${s[3]}`,
    ...(bench && { bench }),
    attrs: scaled(s[1], s[2]),
    make: (g) => scoreInputs(g, f, s),
  });

  const model = [
    shape([13, 8, 128, 75], true),
    shape([1, 64, 128, 1030], true),
    shape([7, 64, 128, 300], true),
  ];

  // heads around 16 and 64, entries around 64, widths off every load and block, several tiles a dimension
  const widths = [
    shape([2, 3, 7, 5]),
    shape([3, 16, 64, 63]),
    shape([4, 17, 129, 65]),
    shape([2, 65, 136, 130]),
    shape([2, 130, 260, 66]),
  ];

  // entries of one tile of 128 and of two, whole and short, each with 1, 3 and 64 heads and other tokens
  const lengths = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 63, 64, 65, 127, 128, 129, 252, 253, 254, 255, 256, 257, 258, 259, 260,
  ].map((n_entry, i) => shape([1 + (i % 5), [1, 3, 64][i % 3], 128, n_entry]));

  // what tcgen05 makes of heads: up to 240 columns of as many tokens as fit, in groups of equal size
  const heads = [
    shape([240, 1, 128, 130]),
    shape([241, 1, 128, 30]),
    shape([81, 3, 128, 129]),
    shape([15, 16, 128, 66]),
    shape([16, 16, 128, 66]),
    shape([29, 17, 128, 140]),
    shape([4, 64, 128, 257]),
    shape([5, 119, 128, 65]),
    shape([4, 121, 128, 65]),
    shape([3, 239, 128, 129]),
    shape([2, 240, 128, 129]),
    shape([2, 241, 128, 129]),
  ];

  // more tiles than multiprocessors: tokens change within a CTA, thrice at every tile and in mid-row; a ring of stages that wraps
  const many = [shape([444, 121, 128, 5]), shape([80, 121, 128, 129]), shape([1, 3, 128, 175_001])];

  const corners: ScoreCase[] = [
    {
      // dot products that are exactly zero or negative: the relu's side of zero
      name: "relu.edge",
      attrs: { scale: 1 },
      make: (g) => ({
        ...f.given(g, [2, 5, 128, 67], {
          q: (i) => (i % 2 === 0 ? 1 : -1) * (1 + ((i >> 7) % 3)),
          k: (i) => 1 + (((i >> 7) % 3) - 1) * (i % 2 === 0 ? 1 : 0),
        }),
        w: g.normal("bf16", [2, 5]),
      }),
    },
    {
      // w * scale has ties of bf16 here: whoever rounds it, or does not, shows
      name: "weights.ties",
      attrs: { scale: 1 + 2 ** -8 },
      make: (g) => ({
        ...f.drawn(g, [3, 40, 128, 30]),
        w: g.from("bf16", [3, 40], (i) => 1 + i / 128),
      }),
    },
    {
      name: "weights.negative",
      attrs: scaled(48),
      make: (g) => ({ ...f.drawn(g, [2, 48, 128, 65]), w: g.uniform("bf16", [2, 48], -2, -0.5) }),
    },
    {
      // one of everything, on the positive side of the relu
      name: "one",
      attrs: { scale: 1 },
      make: (g) => ({
        ...f.given(g, [1, 1, 1, 1], { q: () => 3, k: () => 1.5, head: () => 0.25, entry: () => 8 }),
        w: g.uniform("bf16", [1, 1], 0.5, 2),
      }),
    },
  ];
  return [...model, ...widths, ...lengths, ...heads, ...many, ...corners];
}
