/** What the fusions of the indexer's scores with the choice among them have in common, whatever format the scores are of. */
import { tap, type FusionPart } from "../fusion.ts";
import { t, type Ints, type OpDecl, type Scalars } from "../schema.ts";
import { keysOnSm100, type ScoreFormat } from "../umma_scores.ts";
import { CHOICE_AXES, CHOICE_PARTS } from "./choice_parts.ts";

const CLUSTER = "plan::Selection::most(n_entry)";

/** Entries that a token sees, of those that see more than they take. */
const choosing = (pos: Int32Array, topk: number, ratio: number, n_entry: number): number[] =>
  [...pos].map((p) => Math.min(n_entry, Math.floor((p + 1) / ratio))).filter((n) => n > topk);

/** `scores`: index_scores in `format`, of whose rows of `width` channels each has `scales(width)` scales. */
export const scoreKeys = <S extends OpDecl>(
  scores: S,
  format: ScoreFormat,
  scales: (width: number) => number,
) => ({
  family: "fused",
  axes: {
    ...CHOICE_AXES,
    n_head: "heads",
    width: "channels of an entry",
  } as const,
  attrs: { scale: "f32", raw0: "i32" } as const,
  in: { ...(scores.in as S["in"]), pos: t("i32", ["n_tok"]) },
  parts: [
    {
      name: "scores",
      op: scores,
      in: { q: "q", q_s: "q_s", k: "k", k_s: "k_s", w: "w" },
      scalars: { n_tok: "n_tok", n_head: "n_head", width: "width", n_entry: "n_entry", scale: "scale" },
      out: { s: tap("s", ["n_tok", "n_entry"]) },
    },
    ...CHOICE_PARTS,
  ] satisfies FusionPart[],
  // entries up to the last that some token chooses among, and tokens that choose
  reads: ({ n_head, width, topk, ratio, n_entry }: Scalars, { pos }: Ints) => {
    const seen = choosing(pos, topk, ratio, n_entry);
    const [entries, queries] = [Math.max(0, ...seen), seen.length * n_head];
    return {
      ...{ k: entries * width, k_s: entries * scales(width) },
      ...{ q: queries * width, q_s: queries * scales(width), w: queries },
    };
  },
  macs: ({ n_head, width, topk, ratio, n_entry }: Scalars, { pos }: Ints) =>
    choosing(pos, topk, ratio, n_entry).reduce((sum, n) => sum + n, 0) * n_head * width,
  contract: "at most 2^18 entries; where s is null, scores that index_topk would not read need not be made",
  launch: {
    grid: [`n_tok * ${CLUSTER}`] as const,
    block: 128,
    smem: `plan::Selection::row_bytes(n_entry, ${CLUSTER})`,
    cluster: CLUSTER,
  },
  variants: { sm100: keysOnSm100(format) },
});
