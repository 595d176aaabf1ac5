/** Faults of the references themselves: ops by disagreement of the oracles, the composition by the golden bundles or the engine. */
import type { Fault } from "../../harness/faults.ts";

const op = (
  id: string,
  where: string,
  what: string,
  find: string,
  replace: string,
  { zoo = [], output, by }: { zoo?: readonly string[]; output?: string; by?: string } = {},
): Fault => {
  const name = by ?? where.split("/")[1].replace(/(\.tf)?\.ts$/, "");
  return {
    id,
    kind: "oracle",
    zoo,
    what,
    file: `oracle/${where}`,
    find,
    replace,
    run: ["--op", name],
    blame: "ORACLE_SPLIT",
    at: output === undefined ? name : `${name}.${output}`,
  };
};

const golden = (
  id: string,
  file: string,
  what: string,
  at: string,
  find: string,
  replace: string,
  { zoo = [], bundle = "d" }: { zoo?: readonly string[]; bundle?: string } = {},
): Fault => ({
  id,
  kind: "oracle",
  zoo,
  what,
  file: `oracle/${file}`,
  find,
  replace,
  run: ["--golden", `fixtures/golden/${bundle}`],
  blame: "ORACLE_SPLIT",
  at,
});

/** The composition again, seen by the engine, which was written apart from it. */
const byEngine = (
  id: string,
  file: string,
  what: string,
  at: string,
  find: string,
  replace: string,
  { zoo = [], layer = 4 }: { zoo?: readonly string[]; layer?: number } = {},
): Fault => ({
  id,
  kind: "oracle",
  zoo,
  what,
  file: `oracle/${file}`,
  find,
  replace,
  run: `--layer ${layer} --tokens 72 --accumulated --no-tf`.split(" "),
  blame: "FAIL",
  at: `layers.${layer}.${at}`,
});

const exact: Fault[] = [
  op(
    "exact-post-gate-not-doubled",
    "mhc/hc_split.ts",
    "the post gate is a sigmoid without its factor 2",
    "2 * sigmoid(at(hc + j, scale1))",
    "sigmoid(at(hc + j, scale1))",
    { zoo: ["Z002"], output: "post" },
  ),
  op(
    "exact-comb-transposed",
    "mhc/hc_post.ts",
    "streams are mixed by the transposed matrix",
    "comb[(i * hc + j) * hc + k]",
    "comb[(i * hc + k) * hc + j]",
    { zoo: ["Z009"] },
  ),
  op(
    "exact-sink-dropped",
    "attention/sparse_attention.ts",
    "the sink is not in the denominator",
    "let L = Math.exp(sink[h] - m);",
    "let L = 0 * sink[h];",
    { zoo: ["Z090"] },
  ),
  op(
    "exact-rope-aliased",
    "rope/rope.ts",
    "the odd lane is computed from the even lane's new value",
    "y[at + 1] = e * sin + o * cos;",
    "y[at + 1] = y[at] * sin + o * cos;",
    { zoo: ["Z027"] },
  ),
  op(
    "exact-route-scale-missing",
    "moe/gate_topk.ts",
    "combine weights lack the routing scale",
    "(s / sum) * r.f32(route_scale)",
    "s / sum",
    { output: "weights" },
  ),
  op(
    "exact-lowest-scores",
    "moe/gate_topk.ts",
    "the experts with the lowest scores are chosen",
    "key[a] > key[b] ? -1 : 1",
    "key[a] < key[b] ? -1 : 1",
    { zoo: ["Z113"], output: "ids" },
  ),
  op(
    "exact-global-scale-dropped",
    "moe/expert_linear_nvfp4.ts",
    "the activations' global scale is left out",
    "y[(first + i) * N + n] = dots[i] * global;",
    "y[(first + i) * N + n] = dots[i] * w_global[slot[e]];",
    { zoo: ["Z160"] },
  ),
];

const tf: Fault[] = [
  op(
    "tf-scores-without-relu",
    "index/index_scores.tf.ts",
    "negative dot products count",
    "tfjs.relu(product(heads, k))",
    "product(heads, k)",
    { zoo: ["Z051"] },
  ),
  op(
    "tf-own-window-by-first-half",
    "compress/compress_pool.tf.ts",
    "the own window is read from the channels that belong to the overlap",
    "const own = n_coff - 1;",
    "const own = n_coff - n_coff;",
  ),
  op(
    "tf-swiglu-gate-unclamped",
    "moe/swiglu.tf.ts",
    "the gate has no upper limit",
    "-Infinity, s.limit)",
    "-Infinity, Infinity)",
    { zoo: ["Z130"] },
  ),
  op(
    "tf-e8m0-floor",
    "tf/round.ts",
    "the scale's exponent is cut instead of raised",
    "(above ? 1 : 0)",
    "(above ? 0 : 0)",
    { zoo: ["Z173"], by: "act_quant_fp8", output: "s" },
  ),
  op(
    "tf-ties-away",
    "tf/round.ts",
    "midpoints round away from zero",
    "const step = a < 2 ? 0.5 : a < 4 ? 1 : 2;\n  return rint(v / step) * step;",
    "const step = a < 2 ? 0.5 : a < 4 ? 1 : 2;\n  return rint((v / step) * 1.000001) * step;",
    { zoo: ["Z167"], by: "act_quant_nvfp4", output: "q" },
  ),
];

const composition: Fault[] = [
  golden(
    "model-output-not-derotated",
    "model.ts",
    "the attention output is turned forward",
    "layers.0.attention",
    "{ x: o, pos, freq }, { inverse: 1 }",
    "{ x: o, pos, freq }, { inverse: 0 }",
    { zoo: ["Z096"] },
  ),
  golden(
    "model-entry-position-by-index",
    "compressor.ts",
    "entry n is turned by angle n, not by its first token's",
    "layers.0.compressed",
    "(done + i) * kind.ratio",
    "done + i",
    { zoo: ["Z020"] },
  ),
  golden(
    "model-kinds-exchanged",
    "config.ts",
    "layers with a compressor take the window layers' rotation",
    "layers.0.compressed",
    "rope_compress: ropeOf(c.rope_parameters.compress)",
    "rope_compress: ropeOf(c.rope_parameters.main)",
    { zoo: ["Z022"] },
  ),
  golden(
    "model-second-residual",
    "model.ts",
    "the experts' output joins the streams that entered the block",
    "layers.0.output",
    '"output", { z: m, x: mid,',
    '"output", { z: m, x,',
  ),
  golden(
    "model-topk-halved",
    "compressor.ts",
    "half as many entries are chosen",
    "layers.0.indexer.topk",
    "Math.min(cfg.index_topk, keys.shape[0])",
    "Math.min(cfg.index_topk >> 1, keys.shape[0])",
    { zoo: ["Z057"], bundle: "c" },
  ),
  golden(
    "model-window-127",
    "model.ts",
    "the window is one key short",
    "layers.0.attention",
    "window: cfg.window,",
    "window: cfg.window - 1,",
    { zoo: ["Z087"], bundle: "c" },
  ),
  byEngine(
    "model-second-residual-by-engine",
    "model.ts",
    "the experts' output joins the streams that entered the block",
    "output",
    '"output", { z: m, x: mid,',
    '"output", { z: m, x,',
  ),
  byEngine(
    "model-nope-by-engine",
    "model.ts",
    "the e4m3 round trip covers the rotated channels of the window's keys",
    "attn.kv",
    "{ n_nope: cfg.head_dim - cfg.rope_dim, block: 64 }",
    "{ n_nope: cfg.head_dim, block: 64 }",
    { layer: 3 },
  ),
];

export const faults: readonly Fault[] = [...exact, ...tf, ...composition];
