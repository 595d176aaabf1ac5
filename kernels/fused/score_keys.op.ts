import { defineFusion } from "../fusion.ts";
import { op as indexScores } from "../index/index_scores.op.ts";
import { MXFP4_SCORES } from "../umma_scores.ts";
import { scoreKeys } from "./score_keys.ts";

export const op = defineFusion({
  name: "score_keys",
  cite: "DeepSeek-V4 inference/model.py Indexer.forward; Attention.forward: topk_idxs = cat(window, compressed)",
  ...scoreKeys(indexScores, MXFP4_SCORES, (width) => Math.ceil(width / 32)),
});
