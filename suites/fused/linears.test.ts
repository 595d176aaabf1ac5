/**
 * Linears that share a launch, with one another or with what is made of their sums, give bit for bit what a launch each gives, on the same
 * kind of kernel: one CTA or cluster has one tile of one of them, and cuts its K as the linear alone would.
 */
import { afterAll, expect, test } from "vitest";
import { makeCall, runNative, type Call } from "../../harness/call.ts";
import { loadSuite } from "../../harness/discover.ts";
import { SeededInputs } from "../../harness/inputs.ts";
import { native, needNative } from "../../harness/native_tests.ts";
import { loadOps } from "../../kernels/registry.ts";
import type { Variant } from "../../kernels/schema.ts";
import { fusionOut, partCall } from "../../oracle/fusion.ts";
import type { Tensor } from "../../oracle/tensor.ts";

needNative();
afterAll(() => native?.virtual({ async: "lazy", seed: 0, checks: true, maxInstructions: 0, profile: false }));

const bytes = (t: Tensor): Uint8Array => new Uint8Array(t.data.buffer, t.data.byteOffset, t.data.byteLength);

async function differing(c: Call, variant: Variant): Promise<string[]> {
  const o = { device: "virtual", repeat: 1, variant };
  const fused = await runNative(native, c, o);
  expect(fused.variant).toBe(variant);
  const bad: string[] = [];
  for (const part of c.op.parts!) {
    const alone = await runNative(native, partCall(part, { ...c.t, ...fused.out }, c.s), o);
    for (const [name, t] of Object.entries(fusionOut(c.op, part, alone.out, c.s)))
      if (Buffer.compare(bytes(t), bytes(fused.out[name])) !== 0) bad.push(name);
  }
  return bad;
}

const CASES = [
  ["linear_fp8_pair", "model.a.pro"],
  ["linear_fp8_pair", "model.b.eight"],
  ["linear_fp8_pair", "M=129.N0=257.N1=1.K=1104"],
  ["linear_fp8_pair", "cta-pair.M=193.N0=257.N1=129.K=896"],
  ["project_y_hca", "M=1.n_q=129.n_kv=60.n_comp=140.K=4112"],
  ["project_y_hca", "model.prefill"],
  ["project_y_hca", "pair.M=129.n_q=70.n_kv=60.n_comp=129.K=448"],
  ["project_y_csa", "M=1.n=129-60-140-70-64.K=4112"],
  ["project_y_csa", "model.eight"],
  ["router_dispatch", "model.pro"],
  ["router_dispatch", "n_tok=9.n_expert=385.n_act=6.d_model=4104"],
  ["router_dispatch", "n_tok=17.n_expert=257.n_act=8.d_model=1032"],
  ["router_dispatch", "n_tok=128.n_expert=96.n_act=3.d_model=520"],
  ["router_dispatch", "nan"],
  ["router_hash_dispatch", "model.pro.8"],
  ["router_hash_dispatch", "n_tok=64.n_expert=300.n_act=6.d_model=4104"],
  ["router_hash_dispatch", "duplicates"],
  ["o_a_quant", "model.pro.group"],
  ["o_a_quant", "M=129.n_group=1.n_block=2.K=528"],
  ["o_a_quant", "pair.M=191.n_group=2.n_block=3.K=144"],
] as const;

test.each(CASES)(
  "%s, %s",
  async (name, of) => {
    const op = (await loadOps()).find((o) => o.name === name)!;
    const found = (await loadSuite(op)).cases.find((c) => c.name === of)!;
    native.virtual({ async: "lazy", seed: 0, checks: false, maxInstructions: 0, profile: false });
    const c = makeCall(op, found.make(new SeededInputs(0, name, of)), found.attrs);
    expect(await differing(c, "portable")).toEqual([]);
    // gates, dispatch and act_quant_fp8 have the one kernel, whichever is asked for
    expect(await differing(c, "sm100")).toEqual([]);
  },
  240_000,
);
