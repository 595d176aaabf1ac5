import { suite, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/index/index_scores.op.ts";

type C = Case<typeof op>;
type Shape = readonly [n_tok: number, n_head: number, width: number, n_entry: number];

const blocks = (width: number): number => Math.ceil(width / 32);

/** Every code, and scales of different size in every block, as quantised activations have. */
const inputs = (g: Inputs, [n_tok, n_head, width, n_entry]: Shape) => ({
  q: g.codes("e2m1", [n_tok, n_head, width]),
  q_s: g.codes("ue8m0", [n_tok, n_head, blocks(width)], 122, 128),
  k: g.codes("e2m1", [n_entry, width]),
  k_s: g.codes("ue8m0", [n_entry, blocks(width)], 122, 128),
  w: g.normal("bf16", [n_tok, n_head]),
});

/** width^-1/2 n_head^-1/2, as the model scales. */
const attrs = (n_head: number, width: number) => ({ scale: Math.fround((n_head * width) ** -0.5) });

const shape = (s: Shape, bench?: true): C => ({
  name: `${bench ? "model." : ""}n_tok=${s[0]}.n_head=${s[1]}.width=${s[2]}.n_entry=${s[3]}`,
  ...(bench && { bench }),
  attrs: attrs(s[1], s[2]),
  make: (g) => inputs(g, s),
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

/** Entries of one tile of 128 and of two, whole and short, each with 1, 3 and 64 heads and other tokens. */
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

/**
 * Token c and entry c have their only codes at element c of every block, so that they meet nobody else and their scales may be anything
 * that is reciprocal: bytes `from` + 4 c + block.
 */
const everyByte = (from: number): C => ({
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

/** `t` with every byte of `name` that `at` picks NaN. */
const nan = <T extends ReturnType<typeof inputs>>(
  t: T,
  name: "q_s" | "k_s",
  at: (i: number) => boolean,
): T => {
  const data = Uint8Array.from(t[name].data as Uint8Array, (v, i) => (at(i) ? 255 : v));
  return { ...t, [name]: { ...t[name], data } };
};

const corners: C[] = [
  everyByte(0),
  everyByte(128),
  {
    // every second entry, and everything behind the 130th: neighbours in a tile, in a word of scales, in an unfinished tile
    name: "nan.entries",
    attrs: attrs(64, 128),
    make: (g) =>
      nan(inputs(g, [3, 64, 128, 200]), "k_s", (i) => i >> 2 >= 130 || (i % 8 === (i >> 3) % 4 && i < 400)),
  },
  {
    // one block of one head spoils its token, in whichever of the tile's columns
    name: "nan.heads",
    attrs: attrs(3, 128),
    make: (g) => nan(inputs(g, [60, 3, 128, 140]), "q_s", (i) => i % 47 === 11),
  },
  {
    // a NaN scale over zeros is NaN; a NaN weight spoils its token also where the relu gives 0
    name: "nan.zeros",
    attrs: attrs(16, 128),
    make: (g) => ({
      ...nan(inputs(g, [6, 16, 128, 40]), "k_s", (i) => i >> 2 === 17 && i % 4 === 3),
      k: g.from("e2m1", [40, 128], (i) => (i % 128 < 96 ? ((i % 7) - 3) / 2 : 0)),
      w: g.from("bf16", [6, 16], (i) => (i === 35 ? NaN : i / 7 - 6)),
    }),
  },
  {
    name: "scales.wide",
    attrs: attrs(6, 128),
    make: (g) => ({
      ...inputs(g, [3, 6, 128, 70]),
      q_s: g.codes("ue8m0", [3, 6, 4], 90, 160),
      k_s: g.codes("ue8m0", [70, 4], 90, 160),
    }),
  },
  {
    // dot products that are exactly zero or negative: the relu's side of zero
    name: "relu.edge",
    attrs: { scale: 1 },
    make: (g) => ({
      ...inputs(g, [2, 5, 128, 67]),
      q: g.from("e2m1", [2, 5, 128], (i) => (i % 2 === 0 ? 1 : -1) * (1 + ((i >> 7) % 3))),
      q_s: g.from("ue8m0", [2, 5, 4], () => 1),
      k: g.from("e2m1", [67, 128], (i) => 1 + (((i >> 7) % 3) - 1) * (i % 2 === 0 ? 1 : 0)),
      k_s: g.from("ue8m0", [67, 4], () => 1),
    }),
  },
  {
    // the scaled weight is rounded to bf16 before it multiplies: w * scale has ties here
    name: "weights.ties",
    attrs: { scale: 1 + 2 ** -8 },
    make: (g) => ({ ...inputs(g, [3, 40, 128, 30]), w: g.from("bf16", [3, 40], (i) => 1 + i / 128) }),
  },
  {
    name: "weights.negative",
    attrs: attrs(48, 128),
    make: (g) => ({ ...inputs(g, [2, 48, 128, 65]), w: g.uniform("bf16", [2, 48], -2, -0.5) }),
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
  {
    // one of everything, on the positive side of the relu
    name: "one",
    attrs: { scale: 1 },
    make: (g) => ({
      q: g.from("e2m1", [1, 1, 1], () => 3),
      q_s: g.from("ue8m0", [1, 1, 1], () => 0.25),
      k: g.from("e2m1", [1, 1], () => 1.5),
      k_s: g.from("ue8m0", [1, 1], () => 8),
      w: g.uniform("bf16", [1, 1], 0.5, 2),
    }),
  },
];

export default suite(op, [...model, ...widths, ...lengths, ...heads, ...many, ...corners]);
