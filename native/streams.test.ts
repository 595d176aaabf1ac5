/** What a suite cannot say of the fusions between sublayers: a token's bits are its own, and the parts' kernels give the same bits. */
import { describe, expect, test } from "vitest";
import { makeCall, runNative, type Tensors } from "../harness/call.ts";
import { loadSuite } from "../harness/discover.ts";
import { SeededInputs } from "../harness/inputs.ts";
import { native, needNative } from "../harness/native_tests.ts";
import { op as combinePost } from "../kernels/fused/combine_post.op.ts";
import { op as combinePostNorm } from "../kernels/fused/combine_post_norm.op.ts";
import { op as hcHeadNorm } from "../kernels/fused/hc_head_norm.op.ts";
import { op as hcPostNorm } from "../kernels/fused/hc_post_norm.op.ts";
import { op as hcPreNorm } from "../kernels/fused/hc_pre_norm.op.ts";
import type { OpDecl } from "../kernels/schema.ts";
import { partCall, partOut } from "../oracle/fusion.ts";
import { sliceRows } from "../oracle/tensor.ts";

needNative();

const N_TOK = 20;
const run = async (op: OpDecl, t: Tensors, attrs: Readonly<Record<string, number>>) => {
  const call = makeCall(op, t, attrs);
  return { call, out: (await runNative(native, call, { device: "virtual", repeat: 1 })).out };
};
const inputs = async (op: OpDecl) => {
  const c = (await loadSuite(op)).cases.find((x) => x.name === `n_tok=${N_TOK}.d_model=1032`)!;
  return { t: c.make(new SeededInputs(0, op.name, c.name)) as Tensors, attrs: c.attrs ?? {} };
};

describe.each([hcPreNorm, hcPostNorm, combinePostNorm, hcHeadNorm, combinePost] as OpDecl[])(
  "$name",
  (op) => {
    // up to 16 tokens have a cluster each, more share one
    test("how many tokens there are changes no token's bits", async () => {
      const { t, attrs } = await inputs(op);
      const few = Object.fromEntries(
        Object.entries(t).map(([k, x]) => [k, x.shape[0] === N_TOK ? sliceRows(x, 17, 20) : x]),
      );
      const [all, alone] = [await run(op, t, attrs), await run(op, few, attrs)];
      for (const [k, x] of Object.entries(all.out)) expect(alone.out[k], k).toEqual(sliceRows(x, 17, 20));
    });

    test("the kernels of its parts give the same bits, but for the order of long sums", async () => {
      const { t, attrs } = await inputs(op);
      const { call, out } = await run(op, t, attrs);
      for (const part of op.parts!.filter((p) => p.op.name !== "hc_mix" && p.op.name !== "rmsnorm")) {
        const own = partCall(part, { ...t, ...out }, call.s);
        const alone = await run(part.op, own.t as Tensors, own.s);
        expect(partOut(part, out, call.s), part.name).toEqual(alone.out);
      }
    });
  },
);
