/** The model's numbers, normalised from either published form of config.json (DeepSeek's own keys or transformers'). */
import { z } from "zod";

export interface Yarn {
  readonly factor: number;
  readonly original: number;
  readonly beta_fast: number;
  readonly beta_slow: number;
}

export interface Rope {
  readonly theta: number;
  readonly yarn?: Yarn;
}

/** Attention of a layer: swa = window only; csa = + overlapping compressor and indexer; hca = + plain compressor, all entries. */
export interface LayerKind {
  readonly kind: "swa" | "csa" | "hca";
  readonly ratio: number;
  readonly hash: boolean;
}

export interface ModelConfig {
  readonly d_model: number;
  readonly n_layer: number;
  readonly n_mtp: number;
  /** One a layer, then one an MTP block. */
  readonly layers: readonly LayerKind[];
  readonly n_head: number;
  readonly head_dim: number;
  readonly rope_dim: number;
  readonly q_lora: number;
  readonly n_group: number;
  readonly o_lora: number;
  readonly window: number;
  readonly index_n_head: number;
  readonly index_dim: number;
  readonly index_topk: number;
  /** Hadamard rotation of indexer queries and keys. Orthogonal, so it cancels but for rounding; widths that are no power of two have none. */
  readonly index_rotate: boolean;
  readonly n_expert: number;
  readonly n_act: number;
  readonly d_ff: number;
  readonly route_scale: number;
  readonly swiglu_limit: number;
  readonly hc: number;
  readonly hc_iters: number;
  readonly hc_eps: number;
  readonly eps: number;
  /** Window-only layers. */
  readonly rope: Rope;
  /** Layers with a compressor: queries, keys, entries, indexer and de-rotation alike. */
  readonly rope_compress: Rope;
  readonly vocab: number;
  readonly expert_format: "mxfp4" | "nvfp4";
}

const int = z.number().int().positive();
const yarnForm = z.object({
  factor: z.number().positive(),
  original_max_position_embeddings: int,
  beta_fast: z.number().positive(),
  beta_slow: z.number().positive(),
});

const common = z.object({
  hidden_size: int,
  num_hidden_layers: int,
  num_attention_heads: int,
  head_dim: int,
  qk_rope_head_dim: int,
  q_lora_rank: int,
  o_groups: int,
  o_lora_rank: int,
  sliding_window: int,
  index_n_heads: int,
  index_head_dim: int,
  index_topk: int,
  n_routed_experts: int,
  num_experts_per_tok: int,
  moe_intermediate_size: int,
  routed_scaling_factor: z.number().positive(),
  swiglu_limit: z.number().positive(),
  hc_mult: int,
  hc_sinkhorn_iters: int,
  hc_eps: z.number().positive(),
  rms_norm_eps: z.number().positive(),
  vocab_size: int,
  num_nextn_predict_layers: z.number().int().nonnegative(),
  scoring_func: z.literal("sqrtsoftplus"),
  n_shared_experts: z.literal(1),
  num_key_value_heads: z.literal(1),
});

const official = common.extend({
  compress_ratios: z.array(z.union([z.literal(0), z.literal(4), z.literal(128)])),
  num_hash_layers: z.number().int().nonnegative(),
  rope_theta: z.number().positive(),
  compress_rope_theta: z.number().positive(),
  rope_scaling: yarnForm.extend({ type: z.literal("yarn") }),
  expert_dtype: z.literal("fp4").optional(),
  quantization_config: z.object({ moe_quant_algo: z.literal("NVFP4").optional() }).optional(),
});

const ropeForm = z.union([
  yarnForm.extend({ rope_type: z.literal("yarn"), rope_theta: z.number().positive() }),
  z.object({ rope_type: z.literal("default"), rope_theta: z.number().positive() }),
]);
const KINDS = {
  sliding_attention: "swa",
  compressed_sparse_attention: "csa",
  heavily_compressed_attention: "hca",
} as const;
const transformers = common.extend({
  layer_types: z.array(
    z.enum(["sliding_attention", "compressed_sparse_attention", "heavily_compressed_attention"]),
  ),
  compress_rates: z.object({ compressed_sparse_attention: int, heavily_compressed_attention: int }),
  mlp_layer_types: z.array(z.enum(["hash_moe", "moe"])),
  rope_parameters: z.object({ main: ropeForm, compress: ropeForm }),
});

const yarnOf = (y: z.infer<typeof yarnForm>): Yarn => ({
  factor: y.factor,
  original: y.original_max_position_embeddings,
  beta_fast: y.beta_fast,
  beta_slow: y.beta_slow,
});
const ropeOf = (r: z.infer<typeof ropeForm>): Rope =>
  r.rope_type === "yarn" ? { theta: r.rope_theta, yarn: yarnOf(r) } : { theta: r.rope_theta };

function shared(
  c: z.infer<typeof common>,
): Omit<ModelConfig, "layers" | "rope" | "rope_compress" | "expert_format"> {
  return {
    d_model: c.hidden_size,
    n_layer: c.num_hidden_layers,
    n_mtp: c.num_nextn_predict_layers,
    n_head: c.num_attention_heads,
    head_dim: c.head_dim,
    rope_dim: c.qk_rope_head_dim,
    q_lora: c.q_lora_rank,
    n_group: c.o_groups,
    o_lora: c.o_lora_rank,
    window: c.sliding_window,
    index_n_head: c.index_n_heads,
    index_dim: c.index_head_dim,
    index_topk: c.index_topk,
    index_rotate: (c.index_head_dim & (c.index_head_dim - 1)) === 0,
    n_expert: c.n_routed_experts,
    n_act: c.num_experts_per_tok,
    d_ff: c.moe_intermediate_size,
    route_scale: c.routed_scaling_factor,
    swiglu_limit: c.swiglu_limit,
    hc: c.hc_mult,
    hc_iters: c.hc_sinkhorn_iters,
    hc_eps: c.hc_eps,
    eps: c.rms_norm_eps,
    vocab: c.vocab_size,
  };
}

function fromOfficial(c: z.infer<typeof official>, where: string): ModelConfig {
  const want = c.num_hidden_layers + c.num_nextn_predict_layers;
  if (c.compress_ratios.length !== want)
    throw new Error(
      `${where}: expected compress_ratios to have num_hidden_layers + num_nextn_predict_layers = ${want} entries, got ${c.compress_ratios.length}`,
    );
  return {
    ...shared(c),
    layers: c.compress_ratios.map((ratio, i) => ({
      kind: ratio === 0 ? "swa" : ratio === 4 ? "csa" : "hca",
      ratio,
      hash: i < c.num_hash_layers,
    })),
    rope: { theta: c.rope_theta },
    rope_compress: { theta: c.compress_rope_theta, yarn: yarnOf(c.rope_scaling) },
    expert_format: c.quantization_config?.moe_quant_algo === "NVFP4" ? "nvfp4" : "mxfp4",
  };
}

function fromTransformers(c: z.infer<typeof transformers>, where: string): ModelConfig {
  for (const [name, list] of [
    ["layer_types", c.layer_types],
    ["mlp_layer_types", c.mlp_layer_types],
  ] as const)
    if (list.length !== c.num_hidden_layers)
      throw new Error(
        `${where}: expected ${name} to have num_hidden_layers = ${c.num_hidden_layers} entries, got ${list.length}`,
      );
  return {
    ...shared(c),
    n_mtp: 0,
    layers: c.layer_types.map((type, i) => ({
      kind: KINDS[type],
      ratio: type === "sliding_attention" ? 0 : c.compress_rates[type],
      hash: c.mlp_layer_types[i] === "hash_moe",
    })),
    rope: ropeOf(c.rope_parameters.main),
    rope_compress: ropeOf(c.rope_parameters.compress),
    expert_format: "mxfp4",
  };
}

function divides(where: string, name: string, value: number, by: number): void {
  if (value % by !== 0) throw new Error(`${where}: expected ${name} to be a multiple of ${by}, got ${value}`);
}

/**
 * Parses config.json. `where` names the file in errors.
 * Throws one sentence with the key, what was expected and what came.
 */
export function parseConfig(json: unknown, where: string): ModelConfig {
  const hf = typeof json === "object" && json !== null && "layer_types" in json;
  const parsed = (hf ? transformers : official).safeParse(json);
  if (!parsed.success) {
    const i = parsed.error.issues[0];
    const got = i.path.reduce<unknown>((v, k) => (v as Record<PropertyKey, unknown> | undefined)?.[k], json);
    throw new Error(
      `${where}: key "${i.path.join(".")}": ${i.message}, got ${JSON.stringify(got) ?? "nothing"}`,
    );
  }
  const c = hf
    ? fromTransformers(parsed.data as z.infer<typeof transformers>, where)
    : fromOfficial(parsed.data as z.infer<typeof official>, where);
  divides(where, "num_attention_heads", c.n_head, c.n_group);
  divides(where, "qk_rope_head_dim", c.rope_dim, 2);
  if (c.rope_dim > c.head_dim || c.rope_dim > c.index_dim)
    throw new Error(`${where}: expected qk_rope_head_dim <= head_dim and index_head_dim, got ${c.rope_dim}`);
  if (c.n_act > c.n_expert)
    throw new Error(
      `${where}: expected num_experts_per_tok <= n_routed_experts = ${c.n_expert}, got ${c.n_act}`,
    );
  if (!hf && !c.index_rotate)
    throw new Error(`${where}: expected index_head_dim to be a power of two, got ${c.index_dim}`);
  return c;
}
