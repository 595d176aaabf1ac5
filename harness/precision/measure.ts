/** Distances of one chain from another: streams, decisions and logits. The second argument is always what is measured against. */
import type { LayerTaps } from "./chain.ts";

export interface Gap {
  /** ||x - ideal|| / ||ideal|| */
  readonly rel_l2: number;
  readonly cosine: number;
}

/** Of the slices `at` .. `at + n`, all of the arrays where none is given. NaN where the reference is zero and x is not. */
export function gap(x: Float64Array, ideal: Float64Array, at = 0, n = ideal.length): Gap {
  let [e2, xx, yy, xy] = [0, 0, 0, 0];
  for (let i = at; i < at + n; i++) {
    e2 += (x[i] - ideal[i]) ** 2;
    xx += x[i] * x[i];
    yy += ideal[i] * ideal[i];
    xy += x[i] * ideal[i];
  }
  if (e2 === 0) return { rel_l2: 0, cosine: 1 };
  return { rel_l2: Math.sqrt(e2 / yy), cosine: xy / Math.sqrt(xx * yy) };
}

export interface StreamGap extends Gap {
  /** Relative L2 of each of the mHC streams alone. */
  readonly by_stream: number[];
  readonly worst_token: { readonly token: number; readonly rel_l2: number };
}

/** Streams [n_tok, hc, d_model]. */
export function streamGap(x: Float64Array, ideal: Float64Array, n_tok: number, hc: number): StreamGap {
  const per = ideal.length / n_tok;
  const d = per / hc;
  const by_stream = Array.from({ length: hc }, (_, j) => {
    let [e2, yy] = [0, 0];
    for (let t = 0; t < n_tok; t++)
      for (let i = t * per + j * d; i < t * per + (j + 1) * d; i++) {
        e2 += (x[i] - ideal[i]) ** 2;
        yy += ideal[i] * ideal[i];
      }
    return e2 === 0 ? 0 : Math.sqrt(e2 / yy);
  });
  let worst_token = { token: 0, rel_l2: 0 };
  for (let token = 0; token < n_tok; token++) {
    const { rel_l2 } = gap(x, ideal, token * per, per);
    const isWorse = !(rel_l2 <= worst_token.rel_l2) && !Number.isNaN(worst_token.rel_l2);
    if (isWorse) worst_token = { token, rel_l2 };
  }
  return { ...gap(x, ideal), by_stream, worst_token };
}

const rows = (x: Int32Array, n_tok: number): Set<number>[] => {
  const per = x.length / n_tok;
  return Array.from({ length: n_tok }, (_, t) => new Set(x.subarray(t * per, (t + 1) * per)));
};

/** Share of tokens whose set of experts is another one. */
export function routerFlips(x: Int32Array, ideal: Int32Array, n_tok: number): number {
  const theirs = rows(ideal, n_tok);
  const flips = rows(x, n_tok).filter((mine, t) => [...mine].some((e) => !theirs[t].has(e))).length;
  return flips / n_tok;
}

/**
 * Share of the indexer's choices that both chains made, over the tokens that see more entries than they may choose; null where no
 * token had a choice. Token t sees floor((t + 1) / ratio) entries.
 */
export function topkOverlap(x: Int32Array, ideal: Int32Array, n_tok: number, ratio: number): number | null {
  const topk = ideal.length / n_tok;
  const [mine, theirs] = [rows(x, n_tok), rows(ideal, n_tok)];
  const shares = theirs
    .map((set, t) => ({ set, t }))
    .filter(({ t }) => Math.floor((t + 1) / ratio) > topk)
    .map(({ set, t }) => [...set].filter((e) => mine[t].has(e)).length / topk);
  return shares.length === 0 ? null : shares.reduce((a, b) => a + b) / shares.length;
}

export interface LayerMeasure {
  readonly streams: StreamGap;
  readonly collapsed: Gap;
  readonly router_flips: number | null;
  readonly topk_overlap: number | null;
}

export interface Shape {
  readonly n_tok: number;
  readonly hc: number;
  /** Tokens a compressed entry of the layer. */
  readonly ratio: number;
}

export const measureLayer = (x: LayerTaps, ideal: LayerTaps, s: Shape): LayerMeasure => ({
  streams: streamGap(x.streams, ideal.streams, s.n_tok, s.hc),
  collapsed: gap(x.collapsed, ideal.collapsed),
  router_flips: x.experts && ideal.experts ? routerFlips(x.experts, ideal.experts, s.n_tok) : null,
  topk_overlap:
    x.selected && ideal.selected ? topkOverlap(x.selected, ideal.selected, s.n_tok, s.ratio) : null,
});

export interface LogitsMeasure {
  /** KL(ideal || x) of the next token's distribution, nats, mean over tokens and worst token. */
  readonly kl_mean: number;
  readonly kl_worst: number;
  /** Share of tokens whose most likely next token is the same. */
  readonly top1_agreement: number;
  readonly rel_l2: number;
}

function logSoftmax(z: Float64Array): Float64Array {
  const max = z.reduce((a, b) => Math.max(a, b), -Infinity);
  const log = Math.log(z.reduce((a, b) => a + Math.exp(b - max), 0)) + max;
  return z.map((v) => v - log);
}

const argmax = (z: Float64Array): number => z.reduce((best, v, i) => (v > z[best] ? i : best), 0);

/** Logits [n_tok, vocab]. */
export function measureLogits(x: Float64Array, ideal: Float64Array, n_tok: number): LogitsMeasure {
  const vocab = ideal.length / n_tok;
  let [sum, worst, same] = [0, 0, 0];
  for (let t = 0; t < n_tok; t++) {
    const mine = logSoftmax(x.subarray(t * vocab, (t + 1) * vocab));
    const theirs = logSoftmax(ideal.subarray(t * vocab, (t + 1) * vocab));
    // rounding of the sum may leave -1e-17
    const kl = Math.max(
      0,
      theirs.reduce((a, q, i) => a + Math.exp(q) * (q - mine[i]), 0),
    );
    sum += kl;
    worst = Math.max(worst, kl);
    if (argmax(mine) === argmax(theirs)) same++;
  }
  return {
    kl_mean: sum / n_tok,
    kl_worst: worst,
    top1_agreement: same / n_tok,
    rel_l2: gap(x, ideal).rel_l2,
  };
}
