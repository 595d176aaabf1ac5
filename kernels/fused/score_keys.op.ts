import { defineFusion, tap } from "../fusion.ts";
import { op as indexScores, scoreMaps } from "../index/index_scores.op.ts";
import { t } from "../schema.ts";
import { CHOICE_AXES, CHOICE_PARTS } from "./choice_parts.ts";

const PLAN = "plan::ScoreKeys(n_tok, n_head, n_entry)";
const CLUSTER = "plan::Selection::most(n_entry)";

/** Entries that a token sees, of those that see more than they take. */
const choosing = (pos: Int32Array, topk: number, ratio: number, n_entry: number): number[] =>
  [...pos].map((p) => Math.min(n_entry, Math.floor((p + 1) / ratio))).filter((n) => n > topk);

export const op = defineFusion({
  name: "score_keys",
  family: "fused",
  cite: "DeepSeek-V4 inference/model.py Indexer.forward; Attention.forward: topk_idxs = cat(window, compressed)",
  axes: {
    ...CHOICE_AXES,
    n_head: "heads",
    width: "channels of an entry",
  },
  attrs: { scale: "f32", raw0: "i32" },
  in: { ...indexScores.in, pos: t("i32", ["n_tok"]) },
  parts: [
    {
      name: "scores",
      op: indexScores,
      in: { q: "q", q_s: "q_s", k: "k", k_s: "k_s", w: "w" },
      scalars: { n_tok: "n_tok", n_head: "n_head", width: "width", n_entry: "n_entry", scale: "scale" },
      out: { s: tap("s", ["n_tok", "n_entry"]) },
    },
    ...CHOICE_PARTS,
  ],
  // entries up to the last that some token chooses among, and tokens that choose
  reads: ({ n_head, width, topk, ratio, n_entry }, { pos }) => {
    const seen = choosing(pos, topk, ratio, n_entry);
    const [entries, queries, scales] = [Math.max(0, ...seen), seen.length * n_head, Math.ceil(width / 32)];
    return {
      ...{ k: entries * width, k_s: entries * scales },
      ...{ q: queries * width, q_s: queries * scales, w: queries },
    };
  },
  macs: ({ n_head, width, topk, ratio, n_entry }, { pos }) =>
    choosing(pos, topk, ratio, n_entry).reduce((sum, n) => sum + n, 0) * n_head * width,
  contract: "at most 2^18 entries; where s is null, scores that index_topk would not read need not be made",
  launch: {
    grid: [`n_tok * ${CLUSTER}`],
    block: 128,
    smem: `plan::Selection::row_bytes(n_entry, ${CLUSTER})`,
    cluster: CLUSTER,
  },
  variants: {
    sm100: {
      when: "width == 128 && n_tok > 0 && n_head > 0 && n_head <= plan::Scores::MOST_COLUMNS && n_entry > 0 && n_entry <= plan::Selection::MOST_ENTRIES",
      launch: {
        grid: [`${PLAN}.grid(n_sm)`],
        block: 384,
        smem: `${PLAN}.smem(n_sm)`,
        cluster: `${PLAN}.cluster(n_sm)`,
      },
      maps: scoreMaps(PLAN),
    },
  },
});
