/** What a suite cannot say of score_keys, in either format: each part's own kernel gives the same bits, and a token's bits are its own. */
import { describe, expect, test } from "vitest";
import { makeCall, runNative, type Tensors } from "../harness/call.ts";
import { loadSuite } from "../harness/discover.ts";
import { SeededInputs } from "../harness/inputs.ts";
import { native, needNative } from "../harness/native_tests.ts";
import { op as scoreKeys } from "../kernels/fused/score_keys.op.ts";
import { op as scoreKeysFp8 } from "../kernels/fused/score_keys_fp8.op.ts";
import { VARIANTS, type OpDecl, type Scalars, type Variant } from "../kernels/schema.ts";
import { partCall, partOut } from "../oracle/fusion.ts";
import { sliceRows, type Tensor } from "../oracle/tensor.ts";

needNative();

const run = async (of: OpDecl, t: Tensors, attrs: Scalars, variant: Variant) => {
  const call = makeCall(of, t, attrs);
  return { call, out: (await runNative(native, call, { device: "virtual", repeat: 1, variant })).out };
};
const inputs = async (op: OpDecl, name: string) => {
  const c = (await loadSuite(op)).cases.find((x) => x.name === name)!;
  return { t: c.make(new SeededInputs(0, op.name, c.name)) as Tensors, attrs: c.attrs ?? {} };
};

const kernels = [scoreKeys, scoreKeysFp8].flatMap((op) =>
  VARIANTS.map((variant) => ({ name: op.name, op: op as OpDecl, variant })),
);

describe.each(kernels)("$name, $variant", ({ op, variant }) => {
  test.each(["model.prompt", "n_tok=67.n_head=17", "nan.most"])(
    "the kernels of its parts give the same bits: %s",
    async (name) => {
      const { t, attrs } = await inputs(op, name);
      const { call, out } = await run(op, t, attrs, variant);
      for (const part of op.parts!) {
        const own = partCall(part, { ...t, ...out }, call.s);
        const alone = await run(part.op, own.t as Tensors, own.s, variant);
        expect(partOut(part, out, call.s), part.name).toEqual(alone.out);
      }
    },
  );

  // of 33 tokens on the tensor core three share a cluster, of three each has its own
  test("how many tokens there are changes no token's bits", async () => {
    const { t, attrs } = await inputs(op, "model.prompt");
    const few: Record<string, Tensor> = {};
    for (const [k, x] of Object.entries(t)) few[k] = x.shape[0] === 33 ? sliceRows(x, 13, 16) : x;
    const [all, alone] = [await run(op, t, attrs, variant), await run(op, few, attrs, variant)];
    for (const [k, x] of Object.entries(all.out)) expect(alone.out[k], k).toEqual(sliceRows(x, 13, 16));
  });
});
