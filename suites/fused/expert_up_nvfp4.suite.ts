import { suite, withCode, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/fused/expert_up_nvfp4.op.ts";
import { EIGHT, ONE, PROMPT, placed, routed, up, type Load } from "./experts.ts";

type C = Case<typeof op>;
const attrs = { limit: 10 };

/** Block scales as positive e4m3 codes; every expert and slot has its own global scale. */
function inputs(g: Inputs, { rows, N, K }: Load) {
  const { n_row, n_slot, experts } = placed(g, rows);
  const owner = rows.flatMap((n, e) => Array<number>(n).fill(e));
  const weights = () => g.codes("e2m1", [n_slot, N, K]);
  const scales = () => g.codes("e4m3", [n_slot, N, up(K, 16)], 0x30, 0x60);
  const globals = () => g.uniform("f32", [n_slot], 0.0001, 0.001);
  return {
    a: g.codes("e2m1", [n_row, K]),
    a_s: g.codes("e4m3", [n_row, up(K, 16)], 0x30, 0x60),
    a_global: g.uniform("f32", [rows.length], 0.001, 0.01),
    ...experts,
    w1: weights(),
    w1_s: scales(),
    w1_global: globals(),
    w3: weights(),
    w3_s: scales(),
    w3_global: globals(),
    row_expert: g.from("i32", [n_row], (i) => owner[i]),
    act_global: g.uniform("f32", [rows.length], 0.001, 0.01),
    ...routed(g, n_row),
  };
}
const load = (name: string, l: Load, bench?: true): C => ({
  name,
  ...(bench && { bench }),
  attrs,
  make: (g) => inputs(g, l),
});

const model = [
  load("model.prompt", { rows: PROMPT, N: 128, K: 384 }, true),
  load("model.8", { rows: EIGHT, N: 128, K: 384 }, true),
  load("model.decode", { rows: ONE, N: 128, K: 384 }, true),
  // the hidden sizes of flash and pro, and as much of an expert's width as a suite has time for
  load("flash.slice", { rows: [0, 1, 0, 1], N: 128, K: 4096 }),
  load("pro.slice", { rows: [2, 0, 1, 8], N: 128, K: 7168 }),
];

// the portable kernel alone takes these: any even N, any K
const shapes: C[] = [
  load("N=2.K=1", { rows: [1], N: 2, K: 1 }),
  load("N=66.K=17", { rows: [2, 5], N: 66, K: 17 }),
  load("N=62.K=129", { rows: [3, 0, 18], N: 62, K: 129 }),
  load("N=130.K=144", { rows: [16, 15, 17], N: 130, K: 144 }),
  load("N=140.K=272", { rows: [63, 64, 65, 130], N: 140, K: 272 }),
];

// as in the suite of expert_up_mxfp4, and scales of a row that are a multiple of 16 bytes, and not
const umma = [
  load("T=16", { rows: [0, 15, 16, 17, 0, 33, 0, 0, 0, 0, 1, 0], N: 256, K: 512 }),
  load("T=32", { rows: [31, 0, 32, 33, 0, 0], N: 128, K: 320 }),
  load("T=64", { rows: [0, 63, 64, 0, 65, 0], N: 128, K: 64 }),
  load("T=128", { rows: [127, 0, 128, 129], N: 256, K: 448 }),
  load("split.rows", { rows: [0, 0, 40, 0], N: 256, K: 4096 }),
  load("split.ring", { rows: [2], N: 128, K: 26624 }),
  load("persistent", { rows: [3, 0, 5], N: 10368, K: 128 }),
  load("n_expert=300", {
    rows: Array.from({ length: 300 }, (_, e) => (e % 7 === 3 ? 1 + (e % 3) : 0)),
    N: 128,
    K: 192,
  }),
];

// as in the suite of expert_up_mxfp4; the last one has more tiles than the device has pairs of multiprocessors, with one accumulator of each
// matrix
const pairs = [
  load("pair.not.yet", { rows: [64, 64], N: 256, K: 128 }),
  load("pair.T=160", { rows: [0, 159, 160, 0, 161, 1, 0], N: 384, K: 320 }),
  load("pair.T=224", { rows: [223, 0, 224, 225, 0, 1], N: 256, K: 256 }),
  load("pair.ring", { rows: [65], N: 256, K: 1728 }),
  load("pair.all-to-one", { rows: [0, 0, 390, 0, 0], N: 640, K: 128 }),
  load("pair.persistent", { rows: Array.from({ length: 76 }, (_, e) => 64 + (e % 3)), N: 256, K: 64 }),
];

const corners: C[] = [
  {
    // NaN in the rows of expert 1 and in the scales of the unused slot
    name: "nan.padding",
    attrs,
    make: (g) => {
      const t = inputs(g, { rows: [5, 3, 0, 16], N: 128, K: 320 });
      return {
        ...t,
        a_s: withCode(t.a_s, 0x7f, 5 * 20, 8 * 20),
        w3_s: withCode(t.w3_s, 0x7f, 0, 128 * 20),
      };
    },
  },
  {
    // activations whose block scales are zero, subnormal and 448
    name: "scales.act",
    attrs,
    make: (g) => ({
      ...inputs(g, { rows: [12, 9], N: 256, K: 128 }),
      a_s: g.from("e4m3", [21, 8], (i) => (i < 16 ? 0 : 2 ** ((Math.floor(i / 8) % 15) - 7))),
      act_global: g.from("f32", [2], (i) => (i === 0 ? 4 : 1e-5)),
    }),
  },
  {
    // both clamps at work
    name: "clamped",
    attrs: { limit: 0.5 },
    make: (g) => inputs(g, { rows: [6, 0, 11], N: 128, K: 256 }),
  },
  {
    // no routing weight: the rows count as they are
    name: "unweighted",
    attrs: { ...attrs, n_weight: 0 },
    make: (g) => {
      const { row_slot: _, weight: __, ...t } = inputs(g, { rows: [4, 17], N: 128, K: 256 });
      return t;
    },
  },
  load("last-only", { rows: [0, 0, 0, 5], N: 128, K: 128 }),
];

export default suite(op, [...model, ...shapes, ...umma, ...pairs, ...corners]);
