/** What a call cannot do without: by hand for ops that look things up, and never more than whole tensors. */
import { describe, expect, test } from "vitest";
import { op as sparse } from "../kernels/attention/sparse_attention.op.ts";
import { op as compress } from "../kernels/compress/compress_pool.op.ts";
import { op as embed } from "../kernels/head/embed.op.ts";
import { op as scores } from "../kernels/index/index_scores.op.ts";
import { op as topk } from "../kernels/index/index_topk.op.ts";
import { op as normQuant } from "../kernels/fused/norm_quant.op.ts";
import { op as linear } from "../kernels/linear/linear_fp8.op.ts";
import { op as mxfp4 } from "../kernels/moe/expert_linear_mxfp4.op.ts";
import { op as nvfp4 } from "../kernels/moe/expert_linear_nvfp4.op.ts";
import { op as hash } from "../kernels/moe/gate_hash.op.ts";
import { op as moeCombine } from "../kernels/moe/moe_combine.op.ts";
import { op as swiglu } from "../kernels/moe/swiglu.op.ts";
import { op as paged } from "../kernels/attention/paged_attention.op.ts";
import { op as insert } from "../kernels/quant/kv_insert.op.ts";
import { op as actQuant } from "../kernels/quant/act_quant_nvfp4.op.ts";
import { op as sample } from "../kernels/sample/sample.op.ts";
import { defineOp, evalShape, storageBytes, type OpDecl } from "../kernels/schema.ts";
import { allocate, i32, numel, type Tensor } from "../oracle/tensor.ts";
import { makeCall } from "./call.ts";
import { loadSuite, opsByName } from "./discover.ts";
import { SeededInputs } from "./inputs.ts";
import { workOf } from "./work.ts";

const call = (op: OpDecl, s: Record<string, number>, t: Record<string, Tensor> = {}) => ({
  op,
  s,
  t: {
    ...Object.fromEntries(
      Object.entries(op.in)
        .filter(([, d]) => !d.optional)
        .map(([k, d]) => [k, allocate(d.dtype, evalShape(d.shape, s))]),
    ),
    ...t,
  },
});

describe("bytes and multiply-adds", () => {
  test("of a fusion its own inputs and results, not what passes between its parts", () => {
    const w = workOf(call(normQuant, { n_row: 3, d_model: 256, eps: 1e-6, block: 128, floor: 1e-4 }));
    expect(w.bytes).toEqual({ read: 2 * 3 * 256 + 2 * 256, write: 3 * 256 + 3 * 2 });
  });

  test("every tensor once, whatever its storage; an absent optional input is none", () => {
    const w = workOf(call(linear, { M: 3, N: 130, K: 256 }));
    expect(w.bytes).toEqual({ read: 3 * 256 + 3 * 2 + 130 * 256 + 2 * 2, write: 2 * 3 * 130 });
    expect(w.macs).toBe(3 * 130 * 256);
    const s = { n_row: 4, d_ff: 8, n_slot: 6, limit: 7 };
    expect(workOf(call(swiglu, s)).bytes.read).toBe(2 * 2 * 32);
  });
  test("embed: a row that two tokens share is read once", () => {
    const s = { n_tok: 3, vocab: 100, d_model: 16, hc: 4 };
    const { bytes } = workOf(call(embed, s, { tok: i32([7, 9, 7]) }));
    expect(bytes).toEqual({ read: 3 * 4 + 2 * 16 * 2, write: 3 * 4 * 16 * 2 });
  });
  test("attention: keys that a list names, once; an empty slot is no product", () => {
    const s = { n_tok: 2, n_head: 3, head_dim: 8, n_kv: 50, n_key: 4, scale: 1 };
    const w = workOf(call(sparse, s, { idx: i32([5, 6, -1, -1, 5, 49, 6, -1]) }));
    expect(w.macs).toBe(2 * 3 * 8 * 5);
    expect(w.bytes.read).toBe(2 * (2 * 3 * 8) + 2 * (3 * 8) + 4 * 8 + 4 * 3);
  });
  test("experts: weights of those with rows, source rows once", () => {
    const axes = { n_row: 4, n_expert: 5, n_slot: 5, N: 6, K: 64 };
    const routed = { offset: i32([0, 0, 3, 3, 4, 4]), expert_slot: i32([0, 1, 2, 3, 4]) };
    const x = workOf(call(mxfp4, { ...axes, n_src: 9 }, { ...routed, src_row: i32([2, 8, 2, 2]) }));
    // two experts of five: codes, then a scale a 32; two source rows of nine
    expect(x.bytes.read).toBe(2 * (6 * 32 + 6 * 2) + 2 * (64 + 1) + 4 * (4 + 6 + 2));
    expect(x.macs).toBe(4 * 6 * 64);
    const y = workOf(call(nvfp4, axes, routed));
    expect(y.bytes.read).toBe(2 * (6 * 32 + 6 * 4 + 4) + 4 * (32 + 4) + 4 * (2 + 6 + 2));
  });
  test("compressor: whole windows only, the previous one's half where there is a previous one", () => {
    const s = { n_tok: 11, n_entry: 2, ratio: 4, n_coff: 2, width: 3, tok0: 0 };
    const read = (windows: number, halves: number): number => 4 * (2 * windows * 4 * 3 + halves * 4 * 3);
    expect(workOf(call(compress, { ...s, entry0: 0 })).bytes.read).toBe(read(3, 2));
    expect(workOf(call(compress, { ...s, entry0: 1 })).bytes.read).toBe(read(4, 2));
    expect(workOf(call(compress, { ...s, entry0: 0, n_entry: 1 })).bytes.read).toBe(read(1, 1));
    expect(workOf(call(compress, { ...s, entry0: 5, n_coff: 1 })).bytes.read).toBe(read(2, 1));
  });
  test("top-k: no score of a token that takes every entry it sees, none of entries to come", () => {
    const s = { n_tok: 3, n_entry: 4, topk: 2, ratio: 8 };
    // they see 2, 3 and 4 of 4 entries
    expect(workOf(call(topk, s, { pos: i32([22, 24, 100]) })).bytes.read).toBe(4 * (3 + 4) + 4 * 3);
  });
  test("hash gate: table rows of the tokens there are, logits of their experts", () => {
    const s = { n_tok: 3, n_expert: 9, n_act: 2, vocab: 4, route_scale: 1 };
    const t = { tok: i32([1, 3, 1]), tid2eid: i32([0, 1, 2, 3, 4, 5, 6, 6]) };
    expect(workOf(call(hash, s, t)).bytes.read).toBe(4 * 3 + 4 * 4 + 4 * (2 + 1 + 2));
  });
  test("rows that are gathered count once", () => {
    const combine = { n_tok: 2, n_act: 2, n_row: 9, d_model: 8 };
    expect(workOf(call(moeCombine, combine, { slot_row: i32([1, 2, 2, 8]) })).bytes.read).toBe(
      2 * 3 * 8 + 4 * 4 + 2 * 2 * 8,
    );
    const quant = { n_src: 9, n_row: 4, n_expert: 7, K: 16 };
    const t = { src_row: i32([3, 3, 4, 3]), row_expert: i32([0, 0, 5, 6]) };
    expect(workOf(call(actQuant, quant, t)).bytes.read).toBe(2 * 2 * 16 + 2 * 4 * 4 + 4 * 3);
    const routed = { row_slot: i32([0, 0, 5, 0]), weight: allocate("f32", [6]) };
    const s = { n_row: 4, d_ff: 8, n_slot: 6, limit: 7 };
    expect(workOf(call(swiglu, s, routed)).bytes.read).toBe(2 * 2 * 32 + 4 * 4 + 4 * 2);
  });
  test("a greedy sampler needs no positions", () => {
    const s = { n_row: 3, vocab: 10, top_p: 1, seed: 0 };
    const read = (temperature: number): number => workOf(call(sample, { ...s, temperature })).bytes.read;
    expect([read(0), read(0.7)]).toEqual([4 * 30, 4 * 30 + 4 * 3]);
  });
  test("index scores: the weighted sum over heads is no matrix product", () => {
    const s = { n_tok: 2, n_head: 4, width: 16, n_entry: 8, scale: 1 };
    expect(workOf(call(scores, s)).macs).toBe(2 * 4 * 16 * 8);
  });
  test("a packed cache: of a row its values and seven scales, of other slots nothing", () => {
    const s = { n_row: 3, n_page: 9, page_size: 64 };
    const { bytes } = workOf(call(insert, s, { slot: i32([5, -1, 64]) }));
    expect(bytes).toEqual({ read: 2 * 2 * 512 + 3 * 4, write: 2 * 583 });
    const a = { n_tok: 2, n_head: 3, head_dim: 512, n_page: 9, page_size: 64, n_key: 3, scale: 1 };
    const w = workOf(call(paged, a, { idx: i32([500, -1, 7, 7, 500, 8]) }));
    expect(w.bytes.read).toBe(2 * (2 * 3 * 512) + 3 * 583 + 4 * 6 + 4 * 3);
  });
  test("a tensor that begins as an input is declared like it", () => {
    const before = { dtype: "u8", shape: ["n_page"] } as const;
    const bad = () => defineOp({ ...insert, in: { ...insert.in, before } });
    expect(bad).toThrow(
      'op kv_insert: expected cache to begin as an input u8 [n_page, page_size*584/576*576], got "before" u8 [n_page]',
    );
  });
  test("an input that is not declared is named", () => {
    const op = defineOp({ ...embed, reads: () => ({ tabel: 1 }) });
    const s = { n_tok: 1, vocab: 4, d_model: 8, hc: 1 };
    expect(() => workOf(call(op, s))).toThrow('op embed: expected "reads" to name its inputs, got "tabel"');
    const writer = defineOp({ ...embed, writes: () => ({ strems: 1 }) });
    const sentence = 'op embed: expected "writes" to name its outputs, got "strems"';
    expect(() => workOf(call(writer, s, { tok: i32([0]) }))).toThrow(sentence);
  });
});

test("no formula asks for more than whole tensors, or more products than flops", async () => {
  for (const op of (await opsByName()).values()) {
    if (!op.reads && !op.macs) continue;
    for (const c of (await loadSuite(op)).cases) {
      const made = makeCall(op, c.make(new SeededInputs(0, op.name, c.name)), c.attrs);
      const whole = Object.entries(op.in)
        .filter(([k]) => made.t[k])
        .reduce((n, [, d]) => n + storageBytes(d.dtype, numel(evalShape(d.shape, made.s))), 0);
      const w = workOf(made);
      expect(w.bytes.read, `${op.name} ${c.name}`).toBeLessThanOrEqual(whole);
      expect(w.bytes.read, `${op.name} ${c.name}`).toBeGreaterThanOrEqual(0);
      expect(w.macs, `${op.name} ${c.name}`).toBeLessThanOrEqual(op.flops(made.s) / 2);
    }
  }
}, 300_000); // draws every case of the suites: 20 s alone, several times that beside others
