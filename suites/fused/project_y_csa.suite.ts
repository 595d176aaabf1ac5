import { suite, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/fused/project_y_csa.op.ts";
import { allNaN, input, latents, weights } from "./project_y.ts";

type C = Case<typeof op>;

interface Sizes {
  readonly M: number;
  readonly n_q: number;
  readonly n_kv: number;
  readonly n_comp: number;
  readonly n_index: number;
  readonly n_head: number;
  readonly K: number;
}

const inputs = (g: Inputs, { M, n_q, n_kv, n_comp, n_index, n_head, K }: Sizes) => ({
  ...input(g, M, K),
  ...latents(g, n_q, n_kv, K),
  kv_w: weights(g, n_comp, K),
  gate_w: weights(g, n_comp, K),
  index_kv_w: weights(g, n_index, K),
  index_gate_w: weights(g, n_index, K),
  index_weights_w: weights(g, n_head, K),
});

const shape = (
  M: number,
  n_q: number,
  n_kv: number,
  n_comp: number,
  n_index: number,
  n_head: number,
  K: number,
): C => ({
  name: `M=${M}.n=${[n_q, n_kv, n_comp, n_index, n_head].join("-")}.K=${K}`,
  make: (g) => inputs(g, { M, n_q, n_kv, n_comp, n_index, n_head, K }),
});
const mini = { n_q: 256, n_kv: 512, n_comp: 1024, n_index: 256, n_head: 8, K: 384 };
const model = (name: string, M: number): C => ({
  name: `model.${name}`,
  bench: true,
  make: (g) => inputs(g, { ...mini, M }),
});

// tiles of 64 x 64 x 128 and of 128 x T, one more and one less, each matrix the widest once; K off every load width
const shapes = [
  shape(1, 1, 1, 1, 1, 1, 1),
  shape(3, 65, 20, 130, 64, 3, 129),
  shape(5, 130, 70, 16, 20, 129, 16),
  shape(16, 20, 129, 127, 200, 8, 400),
  shape(17, 129, 127, 128, 60, 64, 144),
  shape(65, 60, 130, 257, 100, 70, 272),
  shape(130, 257, 1, 70, 130, 64, 80),
  // K over a cluster, in FP8 and in BF16
  shape(1, 129, 60, 140, 70, 64, 4112),
  // more tiles than multiprocessors, in shares of both formats
  shape(2, 9700, 130, 4900, 4700, 64, 80),
];

const pair = (...sizes: Parameters<typeof shape>): C => {
  const s = shape(...sizes);
  return { ...s, name: `pair.${s.name}` };
};

// pairs of CTAs (cta_group::2), as in the suite of project_y_hca; the narrow ones have rows for one CTA only
const pairs = [
  pair(128, 130, 60, 257, 70, 64, 80),
  pair(129, 70, 130, 60, 129, 8, 448),
  pair(193, 257, 129, 300, 256, 3, 144),
];

const corners: C[] = [
  {
    // what a tile of FP8 would take from beyond its matrix is NaN
    name: "nan.kv_a",
    make: (g) => ({
      ...inputs(g, { ...mini, M: 20, n_kv: 140, K: 144 }),
      kv_a_w: allNaN(g, "e4m3", [140, 144]),
    }),
  },
  {
    name: "nan.index",
    make: (g) => ({
      ...inputs(g, { ...mini, M: 20, n_comp: 200, n_index: 70, K: 144 }),
      index_kv_w: allNaN(g, "bf16", [70, 144]),
    }),
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
