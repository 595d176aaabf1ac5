import { defineOp, distinct, out, t } from "../schema.ts";
import { ummaAttention } from "../umma.ts";
import { op as sparse } from "./sparse_attention.op.ts";

const { launch, variants, out: outputs, in: inputs } = sparse;
const { q_map, o_map } = variants.sm100.maps;

export const op = defineOp({
  name: "paged_attention",
  family: "attention",
  cite: "FlashMLA flash_mla_with_kvcache over an FP8 cache (tests/quant.py, MODEL1); DeepSeek-V4 inference/kernel.py sparse_attn",
  axes: {
    n_tok: "tokens",
    n_head: "heads",
    head_dim: "head width",
    n_page: "pages of the cache",
    page_size: "tokens of a page",
    n_key: "slots of a key list",
  },
  attrs: { scale: "f32" },
  in: {
    q: inputs.q,
    cache: t("u8", ["n_page", "page_size*584/576*576"]),
    idx: inputs.idx,
    sink: inputs.sink,
  },
  out: {
    o: out("bf16", inputs.q.shape, outputs.o.judge),
  },
  contract:
    "sparse_attention over the rows that the cache's slots hold (kv_insert says where): channels below 448 are bf16(e4m3 * 2^(scale - 127)), exact for scales 3 to 246 (kv_insert gives 105 to 247 and 255); a larger scale may make them infinite, a smaller one rounds to bf16's subnormals, 255 is NaN. head_dim is 512, the cache is on 16 bytes; what no list names may hold anything",
  launch,
  variants: {
    sm100: {
      when: "head_dim == 512 && n_page > 0 && (uintptr_t(p.q) | uintptr_t(p.cache) | uintptr_t(p.o)) % 16 == 0",
      ...ummaAttention("paged_attention", 320, 320),
      maps: { q_map, o_map },
    },
  },
  flops: sparse.flops,
  macs: sparse.macs,
  packed: {
    of: sparse.name,
    scalars: ({ n_kv, ...s }) => ({ ...s, n_page: Math.ceil(n_kv / 64), page_size: 64 }),
  },
  reads: (_, { idx }) => ({ cache: (576 + 7) * distinct(idx) }),
});
