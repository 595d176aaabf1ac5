/** What the declarations of products on tcgen05 have in common (`common/umma_linear.cuh`). */
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
