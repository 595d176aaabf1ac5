/** What a layer knows of a long text: the state that `oracle/model.ts` would have after so many tokens, with values of no meaning. */
import type { CompressorState, Mxfp4 } from "../../oracle/compressor.ts";
import { emptyCompressor } from "../../oracle/compressor.ts";
import type { LayerKind, ModelConfig } from "../../oracle/config.ts";
import type { LayerState } from "../../oracle/model.ts";
import { SeededInputs } from "../inputs.ts";

/** State before the token at position `pos0`. */
export function stateAt(c: ModelConfig, kind: LayerKind, pos0: number, seed: number): LayerState {
  const g = new SeededInputs(seed, "state", `${kind.kind}.${pos0}`);
  const rows = Math.min(pos0, c.window - 1);
  const kv = rows > 0 ? g.normal("bf16", [rows, c.head_dim]) : null;
  if (kind.kind === "swa") return { kv, main: emptyCompressor, index: emptyCompressor };

  const done = Math.floor(pos0 / kind.ratio);
  const n_coff = kind.kind === "csa" ? 2 : 1;
  // an overlapping window needs the rows of the one before it
  const tok0 = Math.max(0, done - (n_coff - 1)) * kind.ratio;
  const compressor = <E>(width: number, entries: E): CompressorState<E> => {
    const shape = [pos0 - tok0, n_coff * width];
    const some = pos0 > tok0;
    return {
      kv: some ? g.normal("f32", shape) : null,
      gate: some ? g.normal("f32", shape) : null,
      tok0,
      entries: done > 0 ? entries : null,
    };
  };
  const main = compressor(c.head_dim, g.normal("bf16", [done, c.head_dim]));
  if (kind.kind === "hca") return { kv, main, index: emptyCompressor };
  const keys: Mxfp4 = {
    q: g.codes("e2m1", [done, c.index_dim]),
    s: g.codes("ue8m0", [done, c.index_dim / 32], 122, 128),
  };
  return { kv, main, index: compressor(c.index_dim, keys) };
}
