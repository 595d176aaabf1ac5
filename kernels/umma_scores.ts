/** What the declarations of the indexer's scores on tcgen05 have in common (`common/umma_scores.cuh`), whatever their format. */
import type { MapDecl } from "./schema.ts";

export interface ScoreFormat {
  /** The plan of index_scores and of score_keys (`common/plan.h`). */
  readonly scores: string;
  readonly keys: string;
  /** Bytes of a row of 128 codes: a head's, or an entry's. */
  readonly row_bytes: 64 | 128;
  /** What lies beside it, an element a row. */
  readonly head_scale: "u8" | "i32";
  readonly entry_scale: "f32" | "i32";
}

/** A row's four scales are one word. */
export const MXFP4_SCORES: ScoreFormat = {
  ...{ scores: "plan::Scores", keys: "plan::ScoreKeys" },
  ...{ row_bytes: 64, head_scale: "i32", entry_scale: "i32" },
};
export const FP8_SCORES: ScoreFormat = {
  ...{ scores: "plan::ScoresFp8", keys: "plan::ScoreKeysFp8" },
  ...{ row_bytes: 128, head_scale: "u8", entry_scale: "f32" },
};

const HEADS = "int64_t(n_tok) * n_head";

/** Of a kernel whose tiles `plan` cuts. */
export function scoreMaps({ scores, row_bytes, head_scale, entry_scale }: ScoreFormat, plan: string) {
  const codes = (tensor: string, rows: string, box: string): MapDecl => ({
    ...{ tensor, type: "u8", dims: [`${row_bytes}`, rows], strides: [`${row_bytes}`] },
    ...{ box: [`${row_bytes}`, box], swizzle: row_bytes },
  });
  const beside = (tensor: string, type: MapDecl["type"], rows: string, box: string): MapDecl => ({
    ...{ tensor, type, dims: [rows], strides: [], box: [box] },
  });
  return {
    q_map: codes("q", HEADS, `${plan}.columns`),
    q_s_map: beside("q_s", head_scale, HEADS, `${plan}.beside()`),
    w_map: beside("w", "bf16", HEADS, `${plan}.beside()`),
    k_map: codes("k", "n_entry", `${scores}::ENTRIES`),
    k_s_map: beside("k_s", entry_scale, "n_entry", `${scores}::ENTRIES`),
  };
}

/** Of index_scores in `format`. */
export const scoresOnSm100 = (format: ScoreFormat) => {
  const plan = `${format.scores}(n_tok, n_head, n_entry)`;
  return {
    when: `width == 128 && n_tok > 0 && n_head > 0 && n_head <= ${format.scores}::MOST_COLUMNS`,
    launch: { grid: [`${plan}.grid(n_sm)`], block: 384, smem: `${format.scores}::SMEM` },
    maps: scoreMaps(format, plan),
  } as const;
};

/** Of score_keys in `format`. */
export const keysOnSm100 = (format: ScoreFormat) => {
  const plan = `${format.keys}(n_tok, n_head, n_entry)`;
  return {
    when: `width == 128 && n_tok > 0 && n_head > 0 && n_head <= ${format.scores}::MOST_COLUMNS && n_entry > 0 && n_entry <= plan::Selection::MOST_ENTRIES`,
    launch: {
      grid: [`${plan}.grid(n_sm)`],
      block: 384,
      smem: `${plan}.smem(n_sm)`,
      cluster: `${plan}.cluster(n_sm)`,
    },
    maps: scoreMaps(format, plan),
  } as const;
};
