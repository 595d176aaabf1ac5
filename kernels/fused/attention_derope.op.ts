import { op as sparseAttention } from "../attention/sparse_attention.op.ts";
import { defineFusion, result, tap } from "../fusion.ts";
import { op as rope } from "../rope/rope.op.ts";
import { t } from "../schema.ts";

const { launch, variants } = sparseAttention;
const { q_map, kv_map, o_map } = variants.sm100.maps;
const heads = ["n_tok", "n_head", "head_dim"] as const;

export const op = defineFusion({
  name: "attention_derope",
  family: "fused",
  cite: "DeepSeek-V4 inference/model.py Attention.forward: sparse_attn, apply_rotary_emb(o[..., -rope_dim:], inverse)",
  axes: { ...sparseAttention.axes, n_freq: "rotated pairs" },
  attrs: sparseAttention.attrs,
  in: {
    ...sparseAttention.in,
    pos: t("i32", ["n_tok"]),
    freq: t("f32", ["n_freq"]),
  },
  parts: [
    {
      name: "core",
      op: sparseAttention,
      in: { q: "q", kv: "kv", idx: "idx", sink: "sink" },
      scalars: {
        n_tok: "n_tok",
        n_head: "n_head",
        head_dim: "head_dim",
        n_kv: "n_kv",
        n_key: "n_key",
        scale: "scale",
      },
      out: { o: tap("o", heads) },
    },
    {
      name: "derope",
      op: rope,
      in: { x: "o", pos: "pos", freq: "freq" },
      scalars: { n_row: "n_tok", n_head: "n_head", head_dim: "head_dim", n_freq: "n_freq", inverse: 1 },
      out: { y: result("y", heads) },
    },
  ],
  contract: "head_dim is even, n_freq at most 256",
  launch,
  variants: {
    sm100: {
      when: "head_dim == 512 && n_kv > 0 && (uintptr_t(p.q) | uintptr_t(p.kv) | uintptr_t(p.o) | uintptr_t(p.y)) % 16 == 0",
      launch: variants.sm100.launch,
      maps: { q_map, kv_map, y_map: { ...o_map, tensor: "y" } },
    },
  },
});
