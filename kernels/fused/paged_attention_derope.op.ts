import { op as pagedAttention } from "../attention/paged_attention.op.ts";
import { defineFusion, tap } from "../fusion.ts";
import { ummaAttention } from "../umma.ts";
import { derope, HEADS, turn } from "./attention_parts.ts";

const { launch, variants } = pagedAttention;
const { q_map, o_map } = variants.sm100.maps;

export const op = defineFusion({
  name: "paged_attention_derope",
  family: "fused",
  cite: "DeepSeek-V4 inference/model.py Attention.forward: sparse_attn, apply_rotary_emb(o[..., -rope_dim:], inverse); FlashMLA tests/quant.py (MODEL1)",
  axes: { ...pagedAttention.axes, ...turn.axes },
  attrs: pagedAttention.attrs,
  in: { ...pagedAttention.in, ...turn.in },
  parts: [
    {
      name: "core",
      op: pagedAttention,
      in: { q: "q", cache: "cache", idx: "idx", sink: "sink" },
      scalars: {
        n_tok: "n_tok",
        n_head: "n_head",
        head_dim: "head_dim",
        n_page: "n_page",
        page_size: "page_size",
        n_key: "n_key",
        scale: "scale",
      },
      out: { o: tap("o", HEADS) },
    },
    derope,
  ],
  contract: "n_freq at most 256",
  launch,
  variants: {
    sm100: {
      when: "head_dim == 512 && n_page > 0 && (uintptr_t(p.q) | uintptr_t(p.cache) | uintptr_t(p.o) | uintptr_t(p.y)) % 16 == 0",
      ...ummaAttention("paged_attention_derope", 320, 320),
      maps: { q_map, y_map: { ...o_map, tensor: "y" } },
    },
  },
});
