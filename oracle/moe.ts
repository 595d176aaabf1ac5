/** Mixture of experts of one layer: gate, dispatch, routed experts in either FP4 format, shared expert, combine. */
import { op as expertMxfp4 } from "../kernels/moe/expert_linear_mxfp4.op.ts";
import { op as expertNvfp4 } from "../kernels/moe/expert_linear_nvfp4.op.ts";
import { op as gateHash } from "../kernels/moe/gate_hash.op.ts";
import { op as gateTopk } from "../kernels/moe/gate_topk.op.ts";
import { op as combine } from "../kernels/moe/moe_combine.op.ts";
import { op as dispatch } from "../kernels/moe/moe_dispatch.op.ts";
import { op as swiglu } from "../kernels/moe/swiglu.op.ts";
import { op as linearF32 } from "../kernels/linear/linear_f32.op.ts";
import { op as quantNvfp4 } from "../kernels/quant/act_quant_nvfp4.op.ts";
import type { LayerKind } from "./config.ts";
import { linearFp8, quantiseFp8, type Ctx } from "./context.ts";
import { f32, i32, view, type Tensor } from "./tensor.ts";

interface Routed {
  readonly ids: Tensor; // i32 [n_tok, n_act]
  readonly weights: Tensor; // f32 [n_tok, n_act]
}

async function gate(c: Ctx, kind: LayerKind, y: Tensor, tok: Tensor): Promise<Routed> {
  const { cfg } = c;
  const w = (part: string): Tensor => c.w.get(`${c.prefix}ffn.gate.${part}`);
  const { y: logits } = await c.call(linearF32, "ffn.gate.logits", { a: y, w: w("weight") });
  const attrs = { route_scale: cfg.route_scale };
  return kind.hash
    ? c.call(gateHash, "ffn.gate", { logits, tok, tid2eid: w("tid2eid") }, attrs)
    : c.call(gateTopk, "ffn.gate", { logits, bias: w("bias") }, { ...attrs, n_act: cfg.n_act });
}

interface Rows {
  readonly offset: Tensor; // i32 [n_expert + 1]
  readonly row_tok: Tensor; // i32 [n_row]
  readonly row_slot: Tensor;
  readonly row_expert: Tensor;
  readonly slot_row: Tensor;
  /** Experts with at least one row, ascending, and their place in the stacked weights. */
  readonly used: readonly number[];
  readonly expert_slot: Tensor; // i32 [n_expert], -1 when absent
}

/** One projection of all routed rows. `src_row` null: row i of `x` belongs to routed row i. */
type Project = (site: string, x: Tensor, proj: "w1" | "w2" | "w3", src_row: Tensor | null) => Promise<Tensor>;

function mxfp4(c: Ctx, r: Rows): Project {
  const quantised = new Map<Tensor, ReturnType<typeof quantiseFp8>>();
  return async (site, x, proj, src_row) => {
    const name = src_row ? "ffn.y_fp8" : "ffn.experts.act_fp8";
    const { q, s } = await (quantised.get(x) ?? quantised.set(x, quantiseFp8(c, name, x)).get(x)!);
    const { w, w_s } = c.w.experts(`${c.prefix}ffn.experts`, proj, r.used);
    const t = { a: q, a_s: s, offset: r.offset, expert_slot: r.expert_slot, w, w_s };
    return (await c.call(expertMxfp4, site, src_row ? { ...t, src_row } : t, { n_row: r.row_tok.shape[0] }))
      .y;
  };
}

function nvfp4(c: Ctx, r: Rows): Project {
  const { n_expert } = c.cfg;
  const quantised = new Map<Tensor, Promise<{ q: Tensor; s: Tensor }>>();
  return async (site, x, proj, src_row) => {
    const stack = c.w.experts(`${c.prefix}ffn.experts`, proj, r.used);
    if (!stack.w_global || !stack.a_global)
      throw new Error(`${c.prefix}ffn.experts.${proj}: expected NVFP4 global scales, got none`);
    const { w, w_s, w_global } = stack;
    const byExpert = new Float32Array(n_expert);
    r.used.forEach((e, i) => (byExpert[e] = Number(stack.a_global!.data[i])));
    const a_global = f32(byExpert);
    const name = src_row ? "ffn.y_nvfp4" : "ffn.experts.act_nvfp4";
    // w1 and w3 of an expert share the activation's global scale, so their quantised input is one tensor
    const make = () =>
      c.call(quantNvfp4, name, {
        x,
        row_expert: r.row_expert,
        global: a_global,
        ...(src_row ? { src_row } : {}),
      });
    const { q, s } = await (quantised.get(x) ?? quantised.set(x, make()).get(x)!);
    const t = { a: q, a_s: s, a_global, offset: r.offset, expert_slot: r.expert_slot, w, w_s, w_global };
    return (await c.call(expertNvfp4, site, t)).y;
  };
}

/** `y` [n_tok, d_model] normed input, `tok` i32 [n_tok] token ids -> [n_tok, d_model]. */
export async function moe(c: Ctx, kind: LayerKind, y: Tensor, tok: Tensor): Promise<Tensor> {
  const { cfg } = c;
  const { ids, weights } = await gate(c, kind, y, tok);
  const d = await c.call(dispatch, "ffn.dispatch", { ids }, { n_expert: cfg.n_expert });
  const used = [...new Set(ids.data as Int32Array)].sort((a, b) => a - b);
  const slots = new Int32Array(cfg.n_expert).fill(-1);
  used.forEach((e, i) => (slots[e] = i));
  const rows: Rows = { ...d, used, expert_slot: i32(slots) };
  // ModelOpt leaves the experts of MTP blocks in MXFP4
  const project =
    cfg.expert_format === "nvfp4" && !c.prefix.startsWith("mtp.") ? nvfp4(c, rows) : mxfp4(c, rows);

  const g = await project("ffn.experts.w1", y, "w1", d.row_tok);
  const u = await project("ffn.experts.w3", y, "w3", d.row_tok);
  const weight = view(weights, [weights.shape[0] * cfg.n_act]);
  const limit = { limit: cfg.swiglu_limit };
  const { y: act } = await c.call(swiglu, "ffn.experts.act", { g, u, row_slot: d.row_slot, weight }, limit);
  const routed = await project("ffn.experts.w2", act, "w2", null);

  const yQ = await quantiseFp8(c, "ffn.shared.y_fp8", y);
  const sg = await linearFp8(c, "ffn.shared.w1", yQ, "ffn.shared_experts.w1");
  const su = await linearFp8(c, "ffn.shared.w3", yQ, "ffn.shared_experts.w3");
  const { y: sAct } = await c.call(swiglu, "ffn.shared.act", { g: sg, u: su }, { ...limit, n_slot: 0 });
  const sQ = await quantiseFp8(c, "ffn.shared.act_fp8", sAct);
  const shared = await linearFp8(c, "ffn.shared.w2", sQ, "ffn.shared_experts.w2");
  return (await c.call(combine, "ffn.out", { routed, slot_row: d.slot_row, shared })).z;
}
