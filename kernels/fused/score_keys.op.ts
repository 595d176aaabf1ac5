import { defineFusion, tap } from "../fusion.ts";
import { op as indexScores, scoreMaps } from "../index/index_scores.op.ts";
import { t } from "../schema.ts";
import { CHOICE_AXES, CHOICE_PARTS } from "./choice_parts.ts";

const PLAN = "plan::ScoreKeys(n_tok, n_head, n_entry)";
const CLUSTER = "plan::Selection::most(n_entry)";

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
