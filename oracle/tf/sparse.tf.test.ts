/** Attention, indexer, compressor, head and sampler against hand fixtures and plain restatements. */
import { describe, expect, test } from "vitest";
import { op as keyList } from "../../kernels/attention/key_list.op.ts";
import { op as attention } from "../../kernels/attention/sparse_attention.op.ts";
import { op as pool } from "../../kernels/compress/compress_pool.op.ts";
import { op as embed } from "../../kernels/head/embed.op.ts";
import { op as hadamard } from "../../kernels/index/hadamard.op.ts";
import { op as indexScores } from "../../kernels/index/index_scores.op.ts";
import { op as indexScoresFp8 } from "../../kernels/index/index_scores_fp8.op.ts";
import { op as indexTopk } from "../../kernels/index/index_topk.op.ts";
import { op as sample } from "../../kernels/sample/sample.op.ts";
import { tf as keyListTf } from "../attention/key_list.tf.ts";
import { tf as attentionTf } from "../attention/sparse_attention.tf.ts";
import { tf as poolTf } from "../compress/compress_pool.tf.ts";
import { tf as embedTf } from "../head/embed.tf.ts";
import { tf as hadamardTf } from "../index/hadamard.tf.ts";
import { tf as indexScoresTf } from "../index/index_scores.tf.ts";
import { tf as indexScoresFp8Tf } from "../index/index_scores_fp8.tf.ts";
import { tf as indexTopkTf } from "../index/index_topk.tf.ts";
import { philox, tf as sampleTf } from "../sample/sample.tf.ts";
import type { Tensor } from "../tensor.ts";
import { bf16, call, error, fill, f32, i32, nonFinite, seeded, values } from "./testing.ts";

describe("embed", () => {
  const table = bf16([3, 2], [1, 2, 3, 4, 5, NaN]);
  test("copies the row to every stream", () => {
    const { x } = call(embed, embedTf, { tok: i32([2], [2, 0]), table }, { hc: 2 });
    expect(values(x)).toEqual([5, NaN, 5, NaN, 1, 2, 1, 2]);
  });
  test("an id outside the vocabulary throws", () => {
    expect(() => call(embed, embedTf, { tok: i32([1], [3]), table }, { hc: 1 })).toThrow(
      "embed.tok: expected a row in 0..2, got 3 at 0",
    );
  });
});

describe("hadamard", () => {
  test("signs by popcount, orthogonal", () => {
    const y = call(hadamard, hadamardTf, {
      x: bf16([4, 4], [1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, NaN, 0, 0]),
    }).y;
    expect(values(y)).toEqual(
      [
        [0.5, 0.5, 0.5, 0.5],
        [0.5, -0.5, -0.5, 0.5],
        [2, 0, 0, 0],
        [NaN, NaN, NaN, NaN],
      ].flat(),
    );
  });
  test("twice is the identity at 128", () => {
    const x = bf16([2, 128], seeded(3)(256));
    const once = call(hadamard, hadamardTf, { x }).y;
    expect(error(call(hadamard, hadamardTf, { x: once }).y, values(x))).toBeLessThan(1e-6);
    expect(() => call(hadamard, hadamardTf, { x: bf16([1, 3], [1, 2, 3]) })).toThrow("power of two, got 3");
  });
});

describe("indexer", () => {
  test("scores sum relu over heads", () => {
    const t = {
      q: bf16([1, 2, 2], [1, 0, 0, -1]),
      q_s: bf16([1, 2, 1], [1, 2]),
      k: bf16([3, 2], [2, 3, -1, -1.5, 1, 0]),
      k_s: bf16([3, 1], [1, 2, NaN]),
      w: bf16([1, 2], [1, 10]),
    };
    // head 0: q.k = 2, -2, NaN; head 1: -6, 6, NaN
    expect(values(call(indexScores, indexScoresTf, t, { scale: 0.5 }).s)).toEqual([1, 30, NaN]);
  });
  test("scores scale every 32 channels", () => {
    const t = {
      q: bf16([1, 1, 40], fill(40, 1)),
      q_s: bf16([1, 1, 2], [1, 4]),
      k: bf16([1, 40], fill(40, 1)),
      k_s: bf16([1, 2], [2, 8]),
      w: bf16([1, 1], [1]),
    };
    expect(values(call(indexScores, indexScoresTf, t, { scale: 1 }).s)).toEqual([32 * 2 + 8 * 32]);
  });
  test("scores in FP8: a scale a head in the weight, a scale an entry over the sum; NaN of either sign passes the relu", () => {
    const t = {
      q: bf16([1, 2, 2], [1, 0, 0, -1]),
      q_s: bf16([1, 2], [4, 0.5]),
      k: bf16([4, 2], [2, 3, -1, -1.5, 1, 0, -NaN, 0]),
      k_s: f32([4], [1, -3, NaN, 1]),
      w: bf16([1, 2], [1, 10]),
    };
    // head 0: q.k = 2, -1, 1, NaN with weight 2; head 1: -3, 1.5, 0, NaN with weight 2.5
    expect(values(call(indexScoresFp8, indexScoresFp8Tf, t, { scale: 0.5 }).s)).toEqual([
      4,
      -11.25,
      NaN,
      NaN,
    ]);
  });
  test("no entries", () => {
    const t = {
      q: bf16([2, 1, 2], [1, 0, 0, 1]),
      q_s: bf16([2, 1, 1], [1, 1]),
      k: bf16([0, 2], []),
      k_s: bf16([0, 1], []),
      w: bf16([2, 1], [1, 1]),
    };
    expect(call(indexScores, indexScoresTf, t, { scale: 1 }).s.shape).toEqual([2, 0]);
  });
  test("top-k: causal, ties to the lowest, NaN last but before nothing, ascending, padded", () => {
    const row = [5, 7, 7, NaN, 7, -Infinity];
    const t = { s: f32([4, 6], [...row, ...row, ...row, ...row]), pos: i32([4], [11, 23, 2, 15]) };
    const { idx } = call(indexTopk, indexTopkTf, t, { topk: 2, ratio: 4 });
    expect(values(idx)).toEqual([1, 2, 1, 2, -1, -1, 1, 2]);
    const five = call(indexTopk, indexTopkTf, t, { topk: 5, ratio: 4 }).idx;
    // 3, 6, 0 and 4 entries are visible; of the six, NaN loses to -Infinity
    expect(values(five)).toEqual(
      [
        [0, 1, 2, -1, -1],
        [0, 1, 2, 4, 5],
        [-1, -1, -1, -1, -1],
        [0, 1, 2, 3, -1],
      ].flat(),
    );
  });
});

describe("key_list", () => {
  test("window counts back, every complete entry follows", () => {
    const t = { pos: i32([2], [1, 8]) };
    const s = { window: 3, n_comp: 3, ratio: 4, n_raw: 50, n_entry: 3, raw0: 0 };
    expect(values(call(keyList, keyListTf, t, s).idx)).toEqual(
      [
        [-1, 0, 1, -1, -1, -1],
        [6, 7, 8, 50, 51, -1],
      ].flat(),
    );
    const shifted = call(keyList, keyListTf, { pos: i32([1], [8]) }, { ...s, raw0: 5, n_comp: 0 }).idx;
    expect(shifted).toMatchObject({ dtype: "i32", shape: [1, 3] });
    expect(values(shifted)).toEqual([1, 2, 3]);
  });
  test("chosen entries keep their slots", () => {
    const t = { pos: i32([1], [40]), comp: i32([1, 4], [2, 7, -1, -1]) };
    const s = { window: 2, ratio: 4, n_raw: 10, n_entry: 9, raw0: 30 };
    expect(values(call(keyList, keyListTf, t, s).idx)).toEqual([9, 10, 12, 17, -1, -1]);
  });
});

describe("sparse_attention", () => {
  const random = seeded(17);
  const [h, d, scale] = [3, 8, 0.7];

  /** The contract in float64, the sink outside the maximum. */
  function plain(q: number[], kv: number[], idx: number[], sink: number[], nKey: number): number[] {
    const out: number[] = [];
    for (let i = 0; i < idx.length / nKey; i++)
      for (let a = 0; a < h; a++) {
        const rows = idx.slice(i * nKey, (i + 1) * nKey).filter((r) => r >= 0);
        const s = rows.map((r) => {
          let dot = 0;
          for (let c = 0; c < d; c++) dot += q[(i * h + a) * d + c] * kv[r * d + c];
          return dot * scale;
        });
        const m = Math.max(...s);
        const p = s.map((x) => Math.exp(x - m));
        const total = p.reduce((x, y) => x + y, 0) + Math.exp(sink[a] - m);
        for (let c = 0; c < d; c++)
          out.push(rows.length === 0 ? 0 : rows.reduce((x, r, j) => x + p[j] * kv[r * d + c], 0) / total);
      }
    return out;
  }

  test("restated, with padding, repeats, a row without keys and several runs", () => {
    const [n, nKv, nKey] = [150, 40, 6];
    const q = bf16(
      [n, h, d],
      random(n * h * d).map((x) => 3 * x),
    );
    const kv = bf16(
      [nKv, d],
      random(nKv * d).map((x) => 3 * x),
    );
    const idx = random(n * nKey).map((x, i) => (i >= nKey && i < 2 * nKey ? -1 : Math.floor(x * 25 + 15)));
    expect(idx.some((x) => x < -1)).toBe(true);
    const sink = f32([h], [-2, 0.5, 40]);
    const t = { q, kv, idx: i32([n, nKey], idx), sink };
    const { o } = call(attention, attentionTf, t, { scale });
    expect(o.shape).toEqual([n, h, d]);
    const want = plain(values(q), values(kv), idx, values(sink), nKey);
    expect(error(o, want)).toBeLessThan(1e-6);
    expect(values(o).slice(h * d, 2 * h * d)).toEqual(fill(h * d, 0));
  });

  test("a bad row reaches only the queries that list it", () => {
    const rows = random(4 * d);
    rows[3 * d + 2] = NaN;
    rows[2 * d] = Infinity;
    const q = bf16([3, h, d], fill(3 * h * d, 0.25));
    const t = {
      q,
      kv: bf16([4, d], rows),
      idx: i32([3, 2], [0, 1, 1, 3, 0, -1]),
      sink: f32([h], [0, 0, 0]),
    };
    const { o } = call(attention, attentionTf, t, { scale });
    expect(nonFinite(o)).toEqual(Array.from({ length: h * d }, (_, i) => h * d + i));
  });

  test("sinks: none, all, and a NaN", () => {
    const t = (sink: number[]) => ({
      q: bf16([1, h, d], fill(h * d, -1)),
      kv: bf16([1, d], fill(d, 60)),
      idx: i32([1, 1], [0]),
      sink: f32([h], sink),
    });
    // scores near -336: without a sink the single key has weight 1
    const { o } = call(attention, attentionTf, t([-Infinity, Infinity, NaN]), { scale });
    expect(values(o)).toEqual([...fill(d, 60), ...fill(d, 0), ...fill(d, NaN)]);
    // beyond float32 the denominator is infinite
    expect(values(call(attention, attentionTf, t([89, 3e38, -3e38]), { scale }).o)).toEqual([
      ...fill(2 * d, 0),
      ...fill(d, 60),
    ]);
  });

  test("a row outside the pool throws", () => {
    const t = {
      q: bf16([1, 1, 1], [1]),
      kv: bf16([2, 1], [1, 2]),
      idx: i32([1, 1], [2]),
      sink: f32([1], [0]),
    };
    expect(() => call(attention, attentionTf, t, { scale })).toThrow("expected a row in 0..1, got 2");
  });
});

describe("compress_pool", () => {
  const random = seeded(23);

  /** Weighted mean of slots per channel, in float64. */
  const mean = (slots: { v: number; g: number }[]): number => {
    const e = slots.map((x) => Math.exp(x.g));
    return slots.reduce((a, x, i) => a + e[i] * x.v, 0) / e.reduce((a, b) => a + b, 0);
  };
  const make = (nTok: number, ratio: number, cols: number): { kv: Tensor; gate: Tensor; ape: Tensor } => ({
    kv: f32([nTok, cols], random(nTok * cols)),
    gate: f32([nTok, cols], random(nTok * cols)),
    ape: f32([ratio, cols], random(ratio * cols)),
  });
  const slot = (t: ReturnType<typeof make>, row: number, ratio: number, c: number, cols: number) => ({
    v: Number(t.kv.data[row * cols + c]),
    g: Number(t.gate.data[row * cols + c]) + Number(t.ape.data[(row % ratio) * cols + c]),
  });

  test("without overlap, from an inner entry", () => {
    const [ratio, w] = [4, 3];
    const t = make(14, ratio, w);
    const want: number[] = [];
    for (const n of [1, 2])
      for (let c = 0; c < w; c++)
        want.push(mean([0, 1, 2, 3].map((i) => slot(t, n * ratio + i, ratio, c, w))));
    const s = { n_entry: 2, ratio, n_coff: 1, width: w, tok0: 0, entry0: 1 };
    expect(error(call(pool, poolTf, t, s).v, want)).toBeLessThan(1e-6);
    expect(() => call(pool, poolTf, t, { ...s, n_entry: 3 })).toThrow(
      "expected tokens 4..15 in kv, got 0..13",
    );
  });

  test("with overlap: first entry alone, later ones with the window before, from any first token", () => {
    const [ratio, w] = [4, 2];
    const t = make(12, ratio, 2 * w);
    const want: number[] = [];
    for (const n of [0, 1, 2])
      for (let c = 0; c < w; c++) {
        const before = n === 0 ? [] : [0, 1, 2, 3].map((i) => slot(t, (n - 1) * ratio + i, ratio, c, 2 * w));
        const own = [0, 1, 2, 3].map((i) => slot(t, n * ratio + i, ratio, w + c, 2 * w));
        want.push(mean([...before, ...own]));
      }
    const s = { ratio, n_coff: 2, width: w };
    const all = call(pool, poolTf, t, { ...s, n_entry: 3, tok0: 0, entry0: 0 }).v;
    expect(error(all, want)).toBeLessThan(1e-6);
    // the same rows as a chunk that starts at token 8: its entries 3 and 4 equal entries 1 and 2 above
    const later = call(pool, poolTf, t, { ...s, n_entry: 2, tok0: 8, entry0: 3 }).v;
    expect(values(later)).toEqual(values(all).slice(w));
    const first = call(pool, poolTf, t, { ...s, n_entry: 1, tok0: 0, entry0: 0 }).v;
    expect(values(first)).toEqual(values(all).slice(0, w));
  });

  test("a NaN stays in its entry and channel; no entries give nothing", () => {
    const t = make(8, 4, 2);
    (t.gate.data as Float32Array)[5 * 2 + 1] = NaN;
    const s = { ratio: 4, n_coff: 1, width: 2, tok0: 0, entry0: 0 };
    expect(nonFinite(call(pool, poolTf, t, { ...s, n_entry: 2 }).v)).toEqual([3]);
    expect(call(pool, poolTf, t, { ...s, n_entry: 0 }).v.shape).toEqual([0, 2]);
  });
});

describe("sample", () => {
  test("Philox4x32-10 known answers (Random123 kat_vectors)", () => {
    const hex = (x: number[]): string[] => x.map((v) => v.toString(16).padStart(8, "0"));
    expect(hex(philox([0, 0, 0, 0], [0, 0]))).toEqual(["6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"]);
    expect(hex(philox([-1, -1, -1, -1], [-1, -1]))).toEqual(["408f276d", "41c83b0e", "a20bc7c6", "6d5451fd"]);
    expect(hex(philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]))).toEqual([
      "d16cfe09",
      "94fdcceb",
      "5001e420",
      "24126ea1",
    ]);
  });
  const logits = f32([2, 5], [1, 3, 3, NaN, 2, -Infinity, NaN, -5, -5, -6]);
  const pos = i32([2], [7, 8]);
  test("temperature 0 takes the largest, ties to the lowest, never NaN", () => {
    expect(values(call(sample, sampleTf, { logits, pos }, { temperature: 0, top_p: 1, seed: 1 }).id)).toEqual(
      [1, 2],
    );
    const lost = { logits: f32([1, 2], [NaN, NaN]), pos: i32([1], [0]) };
    expect(values(call(sample, sampleTf, lost, { temperature: 0, top_p: 1, seed: 1 }).id)).toEqual([-1]);
    const one = { logits: f32([2, 2], [NaN, 3, -Infinity, 3]), pos: i32([2], [0, 0]) };
    expect(values(call(sample, sampleTf, one, { temperature: 1, top_p: 0.9, seed: 1 }).id)).toEqual([-1, 1]);
  });
  test("frequencies follow the probabilities, and top-p cuts the tail but keeps ties", () => {
    const [n, p] = [4000, [0.1, 0.4, 0.2, 0.2, 0.1]];
    const t = {
      logits: f32(
        [n, 5],
        Array.from({ length: n * 5 }, (_, i) => Math.log(p[i % 5])),
      ),
      pos: i32(
        [n],
        Array.from({ length: n }, (_, i) => i),
      ),
    };
    const share = (topP: number): number[] => {
      const id = values(call(sample, sampleTf, t, { temperature: 1, top_p: topP, seed: 42 }).id);
      return p.map((_, k) => id.filter((x) => x === k).length / n);
    };
    // four standard errors of a share at n = 4000 are at most 0.032
    share(1).forEach((x, k) => expect(Math.abs(x - p[k])).toBeLessThan(0.032));
    const cut = share(0.5);
    expect([cut[0], cut[4]]).toEqual([0, 0]);
    [0.5, 0.25, 0.25].forEach((x, k) => expect(Math.abs(cut[k + 1] - x)).toBeLessThan(0.032));
  });
});
