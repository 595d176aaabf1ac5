import { op as sparseAttention } from "../attention/sparse_attention.op.ts";
import { defineFusion, tap } from "../fusion.ts";
import { ummaAttention } from "../umma.ts";
import { derope, HEADS, turn } from "./attention_parts.ts";

const { launch, variants } = sparseAttention;
const { q_map, kv_map, o_map } = variants.sm100.maps;

export const op = defineFusion({
  name: "attention_derope",
  family: "fused",
  cite: "DeepSeek-V4 inference/model.py Attention.forward: sparse_attn, apply_rotary_emb(o[..., -rope_dim:], inverse)",
  axes: { ...sparseAttention.axes, ...turn.axes },
  attrs: sparseAttention.attrs,
  in: { ...sparseAttention.in, ...turn.in },
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
      out: { o: tap("o", HEADS) },
    },
    derope,
  ],
  contract: "head_dim is even, n_freq at most 256",
  launch,
  variants: {
    sm100: {
      when: "head_dim == 512 && n_kv > 0 && (uintptr_t(p.q) | uintptr_t(p.kv) | uintptr_t(p.o) | uintptr_t(p.y)) % 16 == 0",
      ...ummaAttention("attention_derope", 224, 288),
      maps: { q_map, kv_map, y_map: { ...o_map, tensor: "y" } },
    },
  },
});
