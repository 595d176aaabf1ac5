import { defineFusion } from "../fusion.ts";
import { op as indexScoresFp8 } from "../index/index_scores_fp8.op.ts";
import { FP8_SCORES } from "../umma_scores.ts";
import { scoreKeys } from "./score_keys.ts";

export const op = defineFusion({
  name: "score_keys_fp8",
  cite: "DeepGEMM fp8_mqa_logits, then as DeepSeek-V4 inference/model.py Indexer.forward and Attention.forward: topk_idxs = cat(window, compressed)",
  ...scoreKeys(indexScoresFp8, FP8_SCORES, () => 1),
});
