/** Where native first leaves the faithful chain: the first layer, in it the first token, at it the first op, in it the worst tile. */
import type { Tensor } from "../oracle/tensor.ts";
import { BLOCK } from "./bounds.ts";
import { measure, type Freedom } from "./metrics.ts";
import type { Divergence, Mode, Row } from "./result.ts";

/** Rows of a tensor [n_tok, ..., channels] that belong to one token; 0 when its rows are not tokens. */
const rowsPerToken = (shape: readonly number[], n_tok: number): number =>
  shape.length < 2 || shape[0] !== n_tok ? 0 : shape.slice(1, -1).reduce((a, b) => a * b, 1);

/** Token of the first row beyond its limit; null when none is, or rows are not tokens. `freedom` as the op's judge has it. */
export function firstToken(
  native: Tensor,
  reference: Tensor,
  freedom: Freedom,
  n_tok: number,
): number | null {
  const per = rowsPerToken(reference.shape, n_tok);
  if (per === 0 || native.shape.join() !== reference.shape.join()) return null;
  const { first_bad_row } = measure(native, reference, freedom);
  return first_bad_row < 0 ? null : Math.floor(first_bad_row / per);
}

/** Without the tensors at hand: the token of the worst row. */
function worstToken(row: Row, n_tok: number): number | null {
  const per = rowsPerToken(row.shape, n_tok);
  const at = row.metrics?.worst_row.index[0];
  return per === 0 || at === undefined ? null : Math.floor(at / per);
}

/** `rows` of one layer and mode in the order in which its ops ran; `tokens` by site where it is known. */
export function firstDivergence(
  mode: Mode,
  rows: readonly Row[],
  n_tok: number,
  tokens: ReadonlyMap<string, number | null> = new Map(),
): Divergence | null {
  const failed = rows.filter((r) => r.status === "FAIL" || r.status === "FLAKY");
  if (failed.length === 0) return null;
  const tokenOf = (r: Row): number | null => tokens.get(r.site) ?? worstToken(r, n_tok);
  // an op whose rows are not tokens belongs to no token: order alone ranks it
  const row = failed.reduce((a, b) => {
    const [s, t] = [tokenOf(a), tokenOf(b)];
    return s !== null && t !== null && t < s ? b : a;
  });
  const token = tokenOf(row);
  const tile = row.metrics?.worst_block.index ?? [];
  const place = [
    row.layer === null ? null : `layer ${row.layer}`,
    token === null ? null : `token ${token}`,
    `op ${row.op} at ${row.site}`,
    tile.length === 2 ? `row ${tile[0]}, channels from ${tile[1] * BLOCK}` : null,
  ].filter((x) => x !== null);
  return {
    kind: "divergence",
    mode,
    layer: row.layer,
    token,
    op: row.op,
    site: row.site,
    tile,
    sentence: `${place.join(", ")}: ${row.sentence}`,
  };
}
