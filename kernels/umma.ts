/** What the declarations of kernels on tcgen05 have in common (`common/umma_linear.cuh`, `common/umma_attention.cuh`). */
import type { VariantDecl } from "./schema.ts";

/** How `op` runs as the C expression `plan` (`common/plan_linear.h`) cuts it: one CTA an instruction, or the entry for pairs. */
export const ummaLinear = (op: string, plan: string): Pick<VariantDecl, "launch" | "args" | "entries"> => ({
  launch: {
    grid: [`${plan}.grid(n_sm)`],
    block: 256,
    smem: `${plan}.smem(n_sm)`,
    cluster: `${plan}.cluster(n_sm)`,
  },
  args: { tokens: `${plan}.tokens` },
  entries: { [`${op}_cta_pair`]: `${plan}.ctas > 1` },
});

/** How `op` attends: one CTA of `threads` 64 heads, or the entry for pairs of CTAs of `pairThreads`. */
export const ummaAttention = (
  op: string,
  threads: number,
  pairThreads: number,
): Pick<VariantDecl, "launch" | "entries"> => {
  const plan = "plan::Attention(n_tok, n_head, n_key)";
  const pairs = `${plan}.ctas(n_sm) > 1`;
  return {
    launch: {
      grid: [`n_tok * ${plan}.cluster(n_sm)`, `${plan}.rows(n_sm)`],
      block: `${pairs} ? ${pairThreads} : ${threads}`,
      smem: "plan::Attention::SMEM_BYTES",
      cluster: `${plan}.cluster(n_sm)`,
    },
    entries: { [`${op}_cta_pair`]: pairs },
  };
};
