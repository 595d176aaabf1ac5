import { suite, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/fused/project_y_hca.op.ts";
import { allNaN, input, latents, weights } from "./project_y.ts";

type C = Case<typeof op>;

const inputs = (g: Inputs, M: number, n_q: number, n_kv: number, n_comp: number, K: number) => ({
  ...input(g, M, K),
  ...latents(g, n_q, n_kv, K),
  kv_w: weights(g, n_comp, K),
  gate_w: weights(g, n_comp, K),
});

const shape = (M: number, n_q: number, n_kv: number, n_comp: number, K: number): C => ({
  name: `M=${M}.n_q=${n_q}.n_kv=${n_kv}.n_comp=${n_comp}.K=${K}`,
  make: (g) => inputs(g, M, n_q, n_kv, n_comp, K),
});
const model = (name: string, M: number): C => ({
  name: `model.${name}`,
  bench: true,
  make: (g) => inputs(g, M, 256, 512, 512, 384),
});

// tiles of 64 x 64 x 128 and of 128 x T, one more and one less, each matrix the widest once; K off every load width
const shapes = [
  shape(1, 1, 1, 1, 1),
  shape(3, 65, 20, 130, 129),
  shape(5, 130, 70, 16, 16),
  shape(16, 20, 129, 127, 400),
  shape(17, 129, 127, 128, 144),
  shape(65, 60, 130, 257, 272),
  shape(130, 257, 1, 70, 80),
  // K over a cluster, in FP8 and in BF16
  shape(1, 129, 60, 140, 4112),
  // more tiles than multiprocessors, in shares of both formats
  shape(2, 9700, 130, 9600, 80),
];

const pair = (M: number, n_q: number, n_kv: number, n_comp: number, K: number): C => {
  const s = shape(M, n_q, n_kv, n_comp, K);
  return { ...s, name: `pair.${s.name}` };
};

/**
 * What pairs of CTAs (cta_group::2) make of a shape: one token more than a CTA takes and as many, rows for two CTAs in no matrix, in one
 * and in all, a last pair whose second CTA has one row or none, tiles of 96 tokens and one more, rings that wrap. K is too short to be
 * shared by a cluster, so that few tiles suffice for pairs. The last one has more tiles than the device has pairs of multiprocessors, in
 * shares of both formats.
 */
const pairs = [
  pair(128, 300, 130, 257, 80),
  pair(129, 128, 60, 70, 80),
  pair(129, 70, 60, 129, 448),
  pair(191, 300, 130, 257, 144),
  pair(193, 256, 385, 260, 80),
  pair(129, 9700, 130, 4900, 16),
];

const corners: C[] = [
  {
    // what a tile of FP8 would take from beyond its matrix is NaN
    name: "nan.q_a",
    make: (g) => ({ ...inputs(g, 20, 140, 67, 70, 144), q_a_w: allNaN(g, "e4m3", [140, 144]) }),
  },
  {
    name: "nan.gate",
    make: (g) => ({ ...inputs(g, 20, 140, 67, 70, 144), gate_w: allNaN(g, "bf16", [70, 144]) }),
  },
];

export default suite(op, [
  model("prefill", 37),
  model("decode", 1),
  model("eight", 8),
  ...shapes,
  ...pairs,
  ...corners,
]);
